#!/bin/sh
# Boots systemd in the directory named, as the first process of namespaces of its own: unshare -fpmiunC --kill-child
# sh boot_root.sh DIRECTORY. The machine outside keeps its mounts, its network and its control groups.
set -e
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
: >"$root/dev/console"
mkdir -p "$root/old-root"
cd "$root"
pivot_root . old-root
umount -l /old-root
ip link set lo up
exec env -i container=larder-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system
