// SPDX-License-Identifier: Apache-2.0
#include "inspector/page.h"

#include <string.h>

/* The file as it is, from name to name_end; make is run where the source is. */
#define EMBED(name, file)                                                                                    \
	__asm__(".pushsection .rodata\n" #name ": .incbin \"" file "\"\n" #name "_end: .byte 0\n"            \
		".popsection\n");                                                                            \
	extern const char name[] __attribute__((visibility("hidden")));                                      \
	extern const char name##_end[] __attribute__((visibility("hidden")))

EMBED(ins_page_html, "inspector/page/index.html");
EMBED(ins_page_css, "inspector/page/page.css");
EMBED(ins_base_js, "inspector/page/base.js");
EMBED(ins_hosts_js, "inspector/page/hosts.js");
EMBED(ins_incidents_js, "inspector/page/incidents.js");
EMBED(ins_page_js, "inspector/page/page.js");

#define JAVASCRIPT "text/javascript; charset=utf-8"

static const struct {
	const char *path, *type, *data, *end;
} files[] = {
	{ "/", "text/html; charset=utf-8", ins_page_html, ins_page_html_end },
	{ "/page.css", "text/css; charset=utf-8", ins_page_css, ins_page_css_end },
	{ "/base.js", JAVASCRIPT, ins_base_js, ins_base_js_end },
	{ "/hosts.js", JAVASCRIPT, ins_hosts_js, ins_hosts_js_end },
	{ "/incidents.js", JAVASCRIPT, ins_incidents_js, ins_incidents_js_end },
	{ "/page.js", JAVASCRIPT, ins_page_js, ins_page_js_end },
};

/*
 * Nothing but its own files is loaded, nothing but this server asked, by no other page is it shown, and
 * what a host or a monitor is called never becomes code, whatever the script did with it.
 */
static const struct {
	const char *name, *value;
} headers[] = {
	{ "Content-Security-Policy",
	  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
	  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Cache-Control", "no-cache" },
};

static size_t find(const char *path)
{
	size_t n = 0;

	while (n < DR_ARRAY_SIZE(files) && strcmp(files[n].path, path))
		n++;
	return n;
}

bool ins_page_has(const char *path)
{
	return find(path) < DR_ARRAY_SIZE(files);
}

bool ins_page_handle(struct dr_http_exchange *x)
{
	size_t n = find(dr_http_path(x));

	if (n == DR_ARRAY_SIZE(files) || strcmp(dr_http_method(x), "GET"))
		return false;
	for (size_t h = 0; h < DR_ARRAY_SIZE(headers); h++)
		dr_http_set_header(x, headers[h].name, headers[h].value);
	dr_http_reply(x, 200, files[n].type, files[n].data, (size_t)(files[n].end - files[n].data));
	return true;
}
