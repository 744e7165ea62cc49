/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <string.h>

#include "doctor/http_server.h"

int dr_http_listen_parse(const char *text, struct dr_http_listen *ret)
{
	struct dr_http_listen l = { 0 };
	const char *colon = strrchr(text, ':');
	struct in6_addr v6;
	struct in_addr v4;
	unsigned long port;
	size_t len, digits;

	if (!colon)
		return -EINVAL;
	len = (size_t)(colon - text);
	digits = strlen(colon + 1);
	if (digits < 1 || digits > 5 || strspn(colon + 1, "0123456789") != digits)
		return -EINVAL;
	port = strtoul(colon + 1, NULL, 10);
	l.ipv6 = len >= 2 && text[0] == '[' && text[len - 1] == ']';
	if (l.ipv6) {
		text++;
		len -= 2;
	}
	if (port > UINT16_MAX || len >= sizeof(l.address))
		return -EINVAL;
	memcpy(l.address, text, len);
	l.port = (uint16_t)port;
	if (l.ipv6 && inet_pton(AF_INET6, l.address, &v6) == 1) {
		l.loopback = IN6_IS_ADDR_LOOPBACK(&v6);
		l.any = IN6_IS_ADDR_UNSPECIFIED(&v6);
	} else if (!l.ipv6 && inet_pton(AF_INET, l.address, &v4) == 1) {
		l.loopback = ntohl(v4.s_addr) >> 24 == 127;
		l.any = v4.s_addr == INADDR_ANY;
	} else {
		return -EINVAL;
	}
	*ret = l;
	return 0;
}
