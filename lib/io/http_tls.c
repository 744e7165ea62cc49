/* SPDX-License-Identifier: Apache-2.0 */
/* TLS of the HTTP server, by GnuTLS, which is what microhttpd speaks it with. */
#include "lib/io/http_tls.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#include "doctor/secret.h"

#define PEM_MAX (1UL << 20)
#define CHAIN_MAX 8
#define ALTERNATIVES_MAX 64 /* looked at */

struct dr_http_tls {
	gnutls_certificate_credentials_t credentials;
	bool asks;
	unsigned refs;
};

struct dr_http_tls *http_tls_ref(struct dr_http_tls *t)
{
	if (t)
		t->refs++;
	return t;
}

void dr_http_tls_unref(struct dr_http_tls *t)
{
	if (!t || --t->refs)
		return;
	if (t->credentials)
		gnutls_certificate_free_credentials(t->credentials);
	free(t);
}

bool http_tls_asks(const struct dr_http_tls *t)
{
	return t->asks;
}

/* ---------------------------------------------------------------- files */

static int complain(const char *path, const char *what, char **ret_error)
{
	*ret_error = dr_asprintf("%s: %s", path, what);
	return -EINVAL;
}

static int read_public(const char *path, struct dr_buf *ret, char **ret_error)
{
	DR_AUTO_FCLOSE FILE *f = fopen(path, "re");
	char data[4096];
	int r = f ? 0 : dr_errno();

	ret->limit = PEM_MAX;
	for (size_t n; f && (n = fread(data, 1, sizeof(data), f));)
		dr_buf_append(ret, data, n);
	if (f && ferror(f))
		r = dr_errno();
	else if (f && ret->error)
		r = ret->error == -EMSGSIZE ? -EFBIG : ret->error;
	if (r)
		*ret_error = dr_asprintf("%s: %s", path, strerror(-r));
	return r;
}

static gnutls_datum_t datum(const struct dr_buf *b)
{
	return (gnutls_datum_t){ (unsigned char *)dr_buf_str(b), (unsigned)b->len };
}

/* The certificate by itself, so that an error is said of the right file. */
static int check_chain(const char *path, const gnutls_datum_t *pem, char **ret_error)
{
	gnutls_x509_crt_t *chain;
	unsigned count;
	int r = gnutls_x509_crt_list_import2(&chain, &count, pem, GNUTLS_X509_FMT_PEM,
					     GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);

	if (r < 0)
		return complain(path, gnutls_strerror(r), ret_error);
	for (unsigned i = 0; i < count; i++)
		gnutls_x509_crt_deinit(chain[i]);
	gnutls_free(chain);
	return 0;
}

static int load_pair(struct dr_http_tls *t, const struct dr_http_tls_files *f, char **ret_error)
{
	DR_AUTO(dr_secret_done) struct dr_secret key = { 0 };
	DR_AUTO_BUF struct dr_buf cert = { 0 };
	gnutls_datum_t cert_pem, key_pem;
	int r = read_public(f->cert, &cert, ret_error);

	if (r)
		return r;
	cert_pem = datum(&cert);
	r = check_chain(f->cert, &cert_pem, ret_error);
	if (!r)
		r = dr_secret_read(f->key, PEM_MAX, &key, ret_error);
	if (r)
		return r;
	key_pem = (gnutls_datum_t){ (unsigned char *)key.data, (unsigned)key.len };
	r = gnutls_certificate_set_x509_key_mem2(t->credentials, &cert_pem, &key_pem, GNUTLS_X509_FMT_PEM,
						 NULL, 0);
	if (r == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return complain(f->key, "is not the key of the certificate", ret_error);
	return r < 0 ? complain(f->key, gnutls_strerror(r), ret_error) : 0;
}

static int load_authorities(struct dr_http_tls *t, const char *path, char **ret_error)
{
	DR_AUTO_BUF struct dr_buf pem = { 0 };
	gnutls_datum_t d;
	int r = read_public(path, &pem, ret_error);

	if (r)
		return r;
	d = datum(&pem);
	r = gnutls_certificate_set_x509_trust_mem(t->credentials, &d, GNUTLS_X509_FMT_PEM);
	if (r <= 0)
		return complain(path, r ? gnutls_strerror(r) : "there is no certificate in it", ret_error);
	t->asks = true;
	return 0;
}

int dr_http_tls_load(const struct dr_http_tls_files *files, struct dr_http_tls **ret, char **ret_error)
{
	DR_AUTO(dr_http_tls_unrefp) struct dr_http_tls *t = calloc(1, sizeof(*t));
	int r;

	*ret_error = NULL;
	if (!t)
		return -ENOMEM;
	t->refs = 1;
	if (gnutls_certificate_allocate_credentials(&t->credentials) < 0)
		return -ENOMEM;
	r = load_pair(t, files, ret_error);
	if (!r && files->client_ca)
		r = load_authorities(t, files->client_ca, ret_error);
	if (!r)
		*ret = DR_TAKE_PTR(t);
	return r;
}

/* ---------------------------------------------------------------- sessions */

void http_tls_use(struct dr_http_tls *t, void *session)
{
	/* what fails here for want of memory has no credentials, and its handshake fails */
	(void)!gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, t->credentials);
	if (t->asks)
		gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
}

/* A name with a zero byte in it, or an empty one, is none. */
static void add_name(struct dr_http_identity *id, const char *text, size_t len)
{
	if (!len || len >= sizeof(id->names[0]) || memchr(text, '\0', len) ||
	    id->count == DR_ARRAY_SIZE(id->names))
		return;
	memcpy(id->names[id->count], text, len);
	id->names[id->count++][len] = '\0';
}

static void add_address(struct dr_http_identity *id, const void *address, size_t len)
{
	char text[INET6_ADDRSTRLEN];

	if ((len == 4 || len == 16) && inet_ntop(len == 4 ? AF_INET : AF_INET6, address, text, sizeof(text)))
		add_name(id, text, strlen(text));
}

static void add_names(struct dr_http_identity *id, gnutls_x509_crt_t crt)
{
	char text[sizeof(id->names[0])];
	size_t len = sizeof(text);

	if (!gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &len))
		add_name(id, text, len);
	for (unsigned i = 0; i < ALTERNATIVES_MAX; i++) {
		len = sizeof(text);
		int type = gnutls_x509_crt_get_subject_alt_name(crt, i, text, &len, NULL);

		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return;
		if (type == GNUTLS_SAN_IPADDRESS)
			add_address(id, text, len);
		else if (type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_RFC822NAME ||
			 type == GNUTLS_SAN_URI)
			add_name(id, text, len);
	}
}

static void bad(struct dr_http_identity *id, const char *why)
{
	id->state = DR_HTTP_CERTIFICATE_BAD;
	snprintf(id->why, sizeof(id->why), "%s", why);
}

static void verify(const struct dr_http_tls *t, gnutls_x509_crt_t *chain, unsigned count,
		   struct dr_http_identity *id)
{
	gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
					  .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT };
	gnutls_x509_trust_list_t authorities;
	gnutls_datum_t why = { NULL, 0 };
	unsigned status;
	int r;

	gnutls_certificate_get_trust_list(t->credentials, &authorities);
	r = gnutls_x509_trust_list_verify_crt2(authorities, chain, count, &purpose, 1, 0, &status, NULL);
	if (r < 0) {
		bad(id, gnutls_strerror(r));
	} else if (status) {
		if (!gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &why, 0))
			bad(id, (const char *)why.data);
		else
			bad(id, "it cannot be verified");
		gnutls_free(why.data);
	} else {
		id->state = DR_HTTP_CERTIFICATE_GOOD;
		add_names(id, chain[0]);
	}
}

void http_tls_identify(const struct dr_http_tls *t, void *session, struct dr_http_identity *ret)
{
	gnutls_x509_crt_t chain[CHAIN_MAX];
	unsigned shown = 0, count = 0;
	const gnutls_datum_t *raw = gnutls_certificate_get_peers(session, &shown);

	*ret = (struct dr_http_identity){ .state = DR_HTTP_CERTIFICATE_NONE };
	if (!raw || !shown)
		return;
	for (; count < shown && count < CHAIN_MAX; count++) {
		if (gnutls_x509_crt_init(&chain[count]) < 0)
			break;
		if (gnutls_x509_crt_import(chain[count], &raw[count], GNUTLS_X509_FMT_DER) < 0) {
			gnutls_x509_crt_deinit(chain[count]);
			break;
		}
	}
	if (count == shown)
		verify(t, chain, count, ret);
	else
		bad(ret, "it cannot be read, or too many come with it");
	for (unsigned i = 0; i < count; i++)
		gnutls_x509_crt_deinit(chain[i]);
}
