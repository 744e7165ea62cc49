/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of targets: IPv6, or IPv4 mapped into it. */
#include <arpa/inet.h>
#include <string.h>

#include "user/config.h"

int mon_address_parse(const char *text, __be32 ret[4])
{
	__be32 a[4] = { 0, 0, htonl(0xffff), 0 };

	if (inet_pton(AF_INET, text, &a[3]) == 1) {
		memcpy(ret, a, sizeof(a));
		return 4;
	}
	if (inet_pton(AF_INET6, text, a) != 1)
		return -EINVAL;
	if (mon_address_is_v4(a))
		return -EAFNOSUPPORT;
	memcpy(ret, a, sizeof(a));
	return 6;
}

bool mon_address_is_v4(const __be32 address[4])
{
	return address[0] == 0 && address[1] == 0 && address[2] == htonl(0xffff);
}

char *mon_address_format(const __be32 address[4], char buf[MON_ADDRESS_STR_MAX])
{
	bool v4 = mon_address_is_v4(address);

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &address[3] : address, buf, MON_ADDRESS_STR_MAX);
	return buf;
}

const char *mon_address_fault(const __be32 address[4])
{
	static const char not_one[] = "is not the address of one host", self[] = "is this machine itself";
	uint32_t first = ntohl(address[0]), last = ntohl(address[3]);

	if (mon_address_is_v4(address)) {
		if (last >> 24 == 0 || last == 0xffffffff || last >> 28 == 0xe)
			return not_one;
		return last >> 24 == 127 ? self : NULL;
	}
	if (first >> 24 == 0xff)
		return not_one;
	if (first || address[1] || address[2])
		return NULL;
	return last == 0 ? not_one : last == 1 ? self : NULL;
}
