# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Debian's kernels for guests. Sourced by tests/vm/run.
#
# They come from the mirror that this system is configured with, from whatever suite has them, through apt with a
# configuration, lists and a cache of its own: the system's sources, lists and locks are left alone. All of it stays
# in $cache for the next run. kernel_get NAME is the way in.

cache=${DOCTOR_VM_CACHE:-/var/cache/doctor-vm}

# What the tests use in a guest. A kernel that lacks one, or has it built in, is none the worse.
kernel_modules="veth xfrm_user bridge dummy ifb macvlan 8021q bonding tun sch_ingress sch_netem cls_bpf cls_matchall cls_flower
 cls_u32 act_bpf act_mirred act_gact act_vlan virtio_pci virtio_net pktgen"

kernel_modules_file=modules-$(cksum <<<"$kernel_modules" | cut -d ' ' -f 1).cpio

# The suites that have a kernel of that name, the likeliest first. Lists of the big suites are big: none in vain.
kernel_suites() { # NAME
	case $1 in
	5.10) echo bullseye-security bullseye ;;
	6.1) echo bookworm-security bookworm ;;
	6.12) echo trixie-security bookworm-backports trixie ;;
	newest) echo experimental trixie-backports bookworm-backports sid ;;
	*) echo experimental trixie-backports bookworm-backports trixie-security bookworm-security bullseye-security sid ;;
	esac
}

kernel_apt() { # NAME COMMAND ARGUMENT...: an apt command on the lists for that kernel
	local d=$cache/apt/$1 command=$2
	shift 2
	"$command" -o Dir::Etc::sourcelist="$d/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists="$d/lists" \
		-o Dir::Cache="$d/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

kernel_repositories() { # OPTION...: what this system is configured with, each as URL, suite and origin
	# shellcheck disable=SC2016
	apt-get "$@" indextargets --format '$(REPO_URI) $(CODENAME) $(ORIGIN)' 'Created-By: Packages' | sort -u
}

kernel_sources() { # NAME: its sources.list, on the mirrors of this system
	local all main security suite keys=/usr/share/keyrings/debian-archive-keyring.gpg d=$cache/apt/system own
	all=$(kernel_repositories)
	if [ -z "$all" ]; then # its lists were never fetched, or are gone, as in an image of a container
		own=(-o Dir::State::lists="$d/lists" -o Dir::Cache="$d/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none)
		mkdir -p "$d/lists/partial" "$d/cache/archives/partial"
		apt-get -qq "${own[@]}" update >"$d/update.log" 2>&1 # one repository of many that fails is no failure
		all=$(kernel_repositories "${own[@]}")
	fi
	security=$(echo "$all" | awk '$2 ~ /-security$/ { print $1; exit }')
	main=$(echo "$all" | awk '$2 !~ /-security$/ && $3 ~ /^Debian/ { print $1; exit }')
	[ -n "$main" ] || { echo "this system's apt knows no mirror of Debian" >&2; return 1; }
	for suite in $(kernel_suites "$1"); do
		case $suite in
		*-security) [ -z "$security" ] || echo "deb [arch=amd64 signed-by=$keys] $security $suite main" ;;
		*) echo "deb [arch=amd64 signed-by=$keys] $main $suite main" ;;
		esac
	done
}

# One suite after the other until one has the kernel (for "newest" all of them: only the comparison tells).
kernel_update() { # NAME
	local d=$cache/apt/$1 line sources
	sources=$(kernel_sources "$1") || return 1
	mkdir -p "$d/lists/partial" "$d/cache/archives/partial"
	: >"$d/sources.list"
	while read -r line; do
		echo "$line" >>"$d/sources.list"
		[ "$1" != newest ] || continue
		kernel_apt "$1" apt-get -qq update >>"$d/update.log" 2>&1 # a suite that the mirror lacks is no failure
		kernel_resolve "$1" >"$d/found" && return 0
	done <<<"$sources"
	[ "$1" != newest ] || kernel_apt "$1" apt-get -qq update >>"$d/update.log" 2>&1
	kernel_resolve "$1" >"$d/found" && return 0
	rm -f "$d/found"
	return 1
}

# Up to 6.18 linux-image-RELEASE holds everything; later it is empty, and linux-binary-, linux-modules- and
# linux-base- have the kernel, its modules and its configuration. Of a superseded release a mirror may have a part only.
kernel_packages() { # NAME RELEASE: the packages, or failure if they are not all there
	local size n
	size=$(kernel_apt "$1" apt-cache show "linux-image-$2" 2>/dev/null | awk '/^Size:/ { print $2; exit }')
	if [ "${size:-0}" -gt 1000000 ]; then
		echo "linux-image-$2"
		return 0
	fi
	n=$(kernel_apt "$1" apt-cache show "linux-binary-$2" "linux-modules-$2" 2>/dev/null | grep -c '^Package:')
	[ "$n" -ge 2 ] && echo "linux-binary-$2 linux-modules-$2"
}

kernel_resolve() { # NAME: the newest release of that name that can be had in full
	local re=${1%-cloud-amd64} release
	re=${re//./[.]}
	case $1 in newest) re='[0-9].*' ;; *) re="${re//+/[+]}([.][0-9]+)*([-+].*)?" ;; esac
	for release in $(kernel_apt "$1" apt-cache search --names-only "^linux-image-$re-cloud-amd64\$" |
		awk '$1 !~ /unsigned/ && !/meta-package/ { sub(/^linux-image-/, "", $1); print $1 }' | sort -rV); do
		kernel_packages "$1" "$release" >/dev/null && { echo "$release"; return 0; }
	done
	return 1
}

# The ELF kernel inside a bzImage: booted by its PVH note, there is nothing that the guest has to decompress.
kernel_vmlinux() { # BZIMAGE OUTPUT
	local sectors offset length start with
	sectors=$(od -An -tu1 -j497 -N1 "$1" | tr -d ' ')
	offset=$(od -An -tu4 -j584 -N4 "$1" | tr -d ' ')
	length=$(od -An -tu4 -j588 -N4 "$1" | tr -d ' ')
	[ "$sectors" != 0 ] || sectors=4
	start=$(((sectors + 1) * 512 + offset))
	case $(od -An -tx1 -j$start -N4 "$1" | tr -d ' ') in
	02214c18) with="lz4 -dc" ;;
	28b52ffd) with="zstd -dc" ;;
	fd377a58) with="xz -dc" ;;
	1f8b*) with="gzip -dc" ;;
	*) return 1 ;;
	esac
	# shellcheck disable=SC2086
	tail -c +$((start + 1)) "$1" | head -c $((length - 4)) | $with >"$2" 2>/dev/null
	[ "$(od -An -tx1 -N4 "$2" | tr -d ' ')" = 7f454c46 ]
}

kernel_unpack_module() { # FILE DIRECTORY
	local name=${1##*/}
	case $name in
	*.xz) xz -dc "$1" >"$2/${name%.xz}" ;;
	*.zst) zstd -qdc "$1" >"$2/${name%.zst}" ;;
	*.gz) gzip -dc "$1" >"$2/${name%.gz}" ;;
	*) cp "$1" "$2/$name" ;;
	esac
}

kernel_cpio() { # DIRECTORY
	(cd "$1" && find . -print0 | LC_ALL=C sort -z | cpio --null -o -H newc -R 0:0 --quiet)
}

kernel_pack_modules() { # DIRECTORY with lib/modules, RELEASE, OUTPUT
	local thin=$1.thin m
	mkdir -p "$thin/usr/lib/modules/$2/kernel"
	ln -s usr/lib "$thin/lib" # as in the guest's root
	depmod -b "$1" "$2" 2>/dev/null # it misses lists that later packages do not have
	for m in $kernel_modules; do
		modprobe -d "$1" -S "$2" --show-depends "$m" 2>/dev/null | awk '$1 == "insmod" { print $2 }'
	done | sort -u | while read -r m; do kernel_unpack_module "$m" "$thin/lib/modules/$2/kernel"; done
	cp "$1/lib/modules/$2"/modules.{builtin,builtin.modinfo,order} "$thin/lib/modules/$2/" 2>/dev/null
	depmod -b "$thin" "$2" 2>/dev/null
	kernel_cpio "$thin" >"$3"
}

kernel_fetch() { # NAME RELEASE: fills $cache/kernel/RELEASE
	local work=$cache/kernel/.new packages image modules
	packages=$(kernel_packages "$1" "$2") || return 1
	echo "fetching $packages" >&2
	rm -rf "$work"
	mkdir -p "$work/deb" "$work/all" "$work/tree/lib" "$work/out"
	# shellcheck disable=SC2086
	(cd "$work/deb" && kernel_apt "$1" apt-get -qq download $packages) >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
	for image in "$work"/deb/*.deb; do dpkg-deb -x "$image" "$work/all" || return 1; done
	image=$(find "$work/all" -name 'vmlinuz*' -type f | head -n 1)
	modules=$(find "$work/all" -path '*lib/modules' -type d | head -n 1)
	if [ -z "$image" ] || [ -z "$modules" ]; then
		echo "no kernel or no modules in $packages" >&2
		return 1
	fi
	kernel_vmlinux "$image" "$work/out/kernel" || cp "$image" "$work/out/kernel"
	mv "$modules" "$work/tree/lib/modules"
	kernel_pack_modules "$work/tree" "$2" "$work/out/$kernel_modules_file" || return 1
	rm -rf "${cache:?}/kernel/$2"
	mv "$work/out" "$cache/kernel/$2" && rm -rf "$work"
}

# Lists older than that are read again, if the mirror can be reached.
kernel_lists_days=${DOCTOR_VM_LISTS_DAYS:-7}

# The directory with `kernel` and $kernel_modules_file for 5.10, 6.1 ... "newest" or a whole release (6.12.117+deb13-cloud-amd64)
kernel_get() ( # NAME
	found=$cache/apt/$1/found
	mkdir -p "$cache/kernel" || exit 1
	exec 8>"$cache/lock"
	flock 8
	if [ -z "$(find "$found" -mtime -"$kernel_lists_days" 2>/dev/null)" ]; then
		before=$(cat "$found" 2>/dev/null)
		if ! kernel_update "$1"; then
			[ -e "$cache/kernel/${before:-none}/kernel" ] || { echo "no suite of the mirror has kernel $1" >&2; exit 1; }
			echo "$before" >"$found"
		fi
	fi
	release=$(cat "$found")
	if [ ! -e "$cache/kernel/$release/$kernel_modules_file" ] && ! kernel_fetch "$1" "$release"; then
		# superseded since: once more with new lists
		kernel_update "$1" && release=$(cat "$found") && kernel_fetch "$1" "$release" || exit 1
	fi
	echo "$cache/kernel/$release"
)
