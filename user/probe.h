/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_PROBE_H
#define DOCTOR_USER_PROBE_H

/* The bytes of a probe, pure (include/doctor/wire.h). */

#include <stdint.h>

#include "doctor/wire.h"

/* An echo request with its checksum (RFC 792, RFC 1071). ident, slot, key and seq in host order. */
void mon_probe_fill(struct dr_probe *p, uint16_t ident, uint32_t slot, uint64_t key, uint32_t seq);

/* RFC 1071 over len bytes, in network order as it goes into a packet. */
uint16_t mon_checksum(const void *data, size_t len);

#endif
