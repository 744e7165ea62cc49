/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cloudbench/upstream.h"

#include "doctor/mem.h"

static const struct cb_upstream table[] = {
	{ 1, 0.337, 0.381, 0.117, 0.122 },
	{ 10, 2.540, 0.658, 0.223, 0.201 },
	{ 25, 6.261, 0.883, 0.399, 0.320 },
	{ 50, 12.481, 1.961, 0.704, 0.584 },
};

const struct cb_upstream *cb_upstream(unsigned vms)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(table); i++) {
		if (table[i].vms == vms)
			return &table[i];
	}
	return NULL;
}
