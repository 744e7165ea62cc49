// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "doctor/hmac.h"
#include "doctor/uuid.h"

/* RFC 4231, test cases 1, 2 and 6; and nothing signed with nothing. */
static void test_vectors(void **state)
{
	char eleven[20], long_key[131], hex[DR_HMAC_HEX];

	memset(eleven, 0x0b, sizeof(eleven));
	memset(long_key, 0xaa, sizeof(long_key));
	assert_int_equal(dr_hmac_sha256(eleven, sizeof(eleven), "Hi There", 8, hex), 0);
	assert_string_equal(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_int_equal(dr_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, hex), 0);
	assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_int_equal(dr_hmac_sha256(long_key, sizeof(long_key),
					"Test Using Larger Than Block-Size Key - Hash Key First", 54, hex),
			 0);
	assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	assert_int_equal(dr_hmac_sha256("", 0, "", 0, hex), 0);
	assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_uuids(void **state)
{
	char a[DR_UUID_STR], b[DR_UUID_STR];

	assert_int_equal(dr_uuid_new(a), 0);
	assert_int_equal(dr_uuid_new(b), 0);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), 36);
	assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
	assert_int_equal(a[14], '4');
	assert_non_null(strchr("89ab", a[19]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_uuids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
