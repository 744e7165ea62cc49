/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/minicloud/clouds_yaml.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "doctor/buf.h"
#include "tools/minicloud/cloud.h"

static int write_clouds(int fd, const char *url)
{
	static const char *const users[] = { "admin", "doctor" };

	if (dprintf(fd, "clouds:\n") < 0)
		return dr_errno();
	for (size_t i = 0; i < DR_ARRAY_SIZE(users); i++) {
		if (dprintf(fd,
			    "  %s:\n"
			    "    auth:\n"
			    "      auth_url: %s/identity/v3\n"
			    "      username: %s\n"
			    "      password: %s\n"
			    "      project_name: %s\n"
			    "      user_domain_name: Default\n"
			    "      project_domain_name: Default\n"
			    "    region_name: " MC_REGION "\n"
			    "    interface: public\n"
			    "    identity_api_version: 3\n",
			    users[i], url, users[i], users[i], users[i]) < 0)
			return dr_errno();
	}
	return 0;
}

int mc_clouds_yaml_write(const char *path, const char *url)
{
	DR_AUTO_FREE char *temporary = dr_asprintf("%s.%d", path, (int)getpid());
	DR_AUTO_CLOSE int fd = -1;
	int r;

	if (!temporary)
		return -ENOMEM;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return dr_errno();
	r = write_clouds(fd, url);
	if (!r && rename(temporary, path) < 0)
		r = dr_errno();
	if (r < 0)
		unlink(temporary);
	return r;
}
