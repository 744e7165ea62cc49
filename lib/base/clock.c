/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "doctor/clock.h"

struct dr_mono dr_mono_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct dr_mono){ (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec };
}

struct dr_wall dr_wall_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (struct dr_wall){ ts.tv_sec * DR_NSEC_PER_SEC + ts.tv_nsec };
}

struct dr_wall dr_wall_of(struct dr_mono t, struct dr_mono mono_now, struct dr_wall wall_now)
{
	return (struct dr_wall){ wall_now.ns + (int64_t)(t.ns - mono_now.ns) };
}

static void floor_split(int64_t ns, time_t *sec, long *frac)
{
	*sec = (time_t)(ns / DR_NSEC_PER_SEC);
	*frac = (long)(ns % DR_NSEC_PER_SEC);
	if (*frac < 0) {
		*frac += DR_NSEC_PER_SEC;
		(*sec)--;
	}
}

char *dr_wall_format(struct dr_wall w, char buf[DR_TIME_STR_MAX])
{
	time_t sec;
	long frac;
	struct tm tm;

	floor_split(w.ns, &sec, &frac);
	if (!gmtime_r(&sec, &tm)) {
		strcpy(buf, "?");
		return buf;
	}
	size_t n = strftime(buf, DR_TIME_STR_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, DR_TIME_STR_MAX - n, ".%06ldZ", frac / 1000);
	return buf;
}

/* Exactly n digits at *p, value within [min, max]; moves *p behind them. */
static bool take_digits(const char **p, int n, int min, int max, int *ret)
{
	int v = 0;
	for (int i = 0; i < n; i++) {
		if (!isdigit((unsigned char)(*p)[i]))
			return false;
		v = v * 10 + ((*p)[i] - '0');
	}
	if (v < min || v > max)
		return false;
	*p += n;
	*ret = v;
	return true;
}

static bool take_char(const char **p, const char *set)
{
	if (!**p || !strchr(set, **p))
		return false;
	(*p)++;
	return true;
}

static bool take_fraction(const char **p, int64_t *ret_ns)
{
	int64_t ns = 0, unit = DR_NSEC_PER_SEC / 10;
	int digits = 0;

	for (; isdigit((unsigned char)**p); (*p)++, digits++, unit /= 10)
		ns += (**p - '0') * unit;
	*ret_ns = ns;
	return digits >= 1 && digits <= 9;
}

static bool take_zone(const char **p, int64_t *ret_offset_s, bool *ret_zoned)
{
	int h, m = 0;
	const char *sign = *p;

	*ret_offset_s = 0;
	*ret_zoned = true;
	if (take_char(p, "Zz"))
		return true;
	if (!take_char(p, "+-")) {
		*ret_zoned = false;
		return true;
	}
	if (!take_digits(p, 2, 0, 23, &h))
		return false;
	if (take_char(p, ":") || isdigit((unsigned char)**p)) {
		if (!take_digits(p, 2, 0, 59, &m))
			return false;
	}
	*ret_offset_s = (*sign == '-' ? -1 : 1) * (h * 3600 + m * 60);
	return true;
}

int dr_wall_parse(const char *text, struct dr_wall *ret, bool *ret_zoned)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	const char *p = text;
	int year, mon, day, hour, min, sec;
	int64_t frac = 0, offset;
	bool zoned;

	if (!take_digits(&p, 4, 1970, 2261, &year) || !take_char(&p, "-") ||
	    !take_digits(&p, 2, 1, 12, &mon) || !take_char(&p, "-") ||
	    !take_digits(&p, 2, 1, days[mon - 1], &day) || !take_char(&p, "Tt ") ||
	    !take_digits(&p, 2, 0, 23, &hour) || !take_char(&p, ":") || !take_digits(&p, 2, 0, 59, &min) ||
	    !take_char(&p, ":") || !take_digits(&p, 2, 0, 60, &sec))
		return -EINVAL;
	if (take_char(&p, ".,") && !take_fraction(&p, &frac))
		return -EINVAL;
	if (!take_zone(&p, &offset, &zoned) || *p)
		return -EINVAL;

	struct tm tm = { .tm_year = year - 1900,
			 .tm_mon = mon - 1,
			 .tm_mday = day,
			 .tm_hour = hour,
			 .tm_min = min,
			 .tm_sec = sec };
	time_t t = timegm(&tm);
	if (tm.tm_mday != day && sec != 60) /* 29 February of a common year */
		return -EINVAL;
	ret->ns = ((int64_t)t - offset) * DR_NSEC_PER_SEC + frac;
	if (ret_zoned)
		*ret_zoned = zoned;
	return 0;
}

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	{ "ns", 1 },
	{ "us", DR_NSEC_PER_USEC },
	{ "ms", DR_NSEC_PER_MSEC },
	{ "s", DR_NSEC_PER_SEC },
	{ "min", 60 * DR_NSEC_PER_SEC },
	{ "h", 3600 * DR_NSEC_PER_SEC },
};

/* whole + fraction/10^9 units of u ns each; whole numbers only, so that 0.1s is exact */
static int dur_of(int64_t whole, int64_t billionths, int64_t u, struct dr_dur *ret)
{
	int64_t ns, part;

	if (__builtin_mul_overflow(whole, u, &ns))
		return -ERANGE;
	part = (int64_t)((__int128)billionths * u / DR_NSEC_PER_SEC);
	if (__builtin_add_overflow(ns, part, &ns))
		return -ERANGE;
	ret->ns = ns;
	return 0;
}

int dr_dur_parse(const char *text, struct dr_dur *ret)
{
	const char *p = text;
	int64_t whole = 0, frac = 0;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		if (__builtin_mul_overflow(whole, (int64_t)10, &whole) ||
		    __builtin_add_overflow(whole, (int64_t)(*p - '0'), &whole))
			return -ERANGE;
	}
	if (take_char(&p, ".") && !take_fraction(&p, &frac))
		return -EINVAL;
	while (*p == ' ')
		p++;
	for (size_t i = 0; i < DR_ARRAY_SIZE(units); i++) {
		if (strcmp(p, units[i].name) == 0)
			return dur_of(whole, frac, units[i].ns, ret);
	}
	return -EINVAL;
}

char *dr_dur_format(struct dr_dur d, char buf[DR_TIME_STR_MAX])
{
	size_t i = DR_ARRAY_SIZE(units) - 1;

	while (i > 0 && (d.ns == 0 || d.ns % units[i].ns))
		i--;
	if (d.ns == 0)
		i = 3; /* "0s" */
	snprintf(buf, DR_TIME_STR_MAX, "%" PRId64 "%s", d.ns / units[i].ns, units[i].name);
	return buf;
}
