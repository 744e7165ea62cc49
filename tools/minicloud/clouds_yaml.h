/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MC_CLOUDS_YAML_H
#define MC_CLOUDS_YAML_H

#include "doctor/mem.h"

/*
 * Writes the clouds 'admin' and 'doctor', as the sandbox does, for clients of the cloud at url. The file
 * appears whole, readable by its owner only. Negative errno.
 */
int mc_clouds_yaml_write(const char *path, const char *url) DR_MUST_USE;

#endif
