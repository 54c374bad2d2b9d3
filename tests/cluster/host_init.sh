#!/bin/bash
# The first process of a test host, in namespaces of its own (see hosts.py): makes the host's file
# system, an overlay of this machine's, and serves ssh there until it is killed.
#   host_init.sh NAME MOUNT WORK SHOWN...   (SHOWN: paths to show there, rw:PATH to share writable)
set -eu
name=$1 mount=$2 work=$3
shift 3
disk=$work/disk-$name   # what survives a reboot of the host
root=$mount/root

mount --make-rprivate /
mount -t tmpfs -o size=1g,mode=755 host "$mount"
mkdir -p "$root" "$disk"/{upper,scratch,home}
chmod 700 "$disk/home"
mount -t overlay host -o "lowerdir=/,upperdir=$disk/upper,workdir=$disk/scratch" "$root"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777,size=512m shm "$root/dev/shm"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
# Taken from the work folder now: below, /tmp and /root become the host's own.
keys=$(mktemp -d -p "$mount")
cp "$work"/{host_key,login.pub,login,names} "$keys"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount -t tmpfs -o mode=755 run "$root/run"
mkdir -p "$root/run/sshd" "$root/root"
mount --bind "$disk/home" "$root/root"
for shown in "$@"; do
    path=${shown#rw:}
    mkdir -p "$root$path"
    mount --bind "$path" "$root$path"
    if [ "$shown" = "$path" ]; then mount -o remount,bind,ro "$root$path"; fi
done

hostname "$name"
{ echo "127.0.0.1 localhost"; cat "$keys/names"; } > "$root/etc/hosts"
mkdir -p -m 700 "$root/root/.ssh"
install -m 600 "$keys/login.pub" "$root/root/.ssh/authorized_keys"
if [ "$name" = client ]; then install -m 600 "$keys/login" "$root/root/.ssh/id"; fi
touch "$root/root/.bashrc"
echo '. ~/.bashrc' > "$root/root/.profile"
install -m 600 "$keys/host_key" "$root/etc/ssh/test_host_key"
cat > "$root/etc/ssh/test_sshd_config" <<CONFIG
HostKey /etc/ssh/test_host_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
MaxStartups 50:30:100
PidFile none
CONFIG
ip link set lo up
exec chroot "$root" /usr/sbin/sshd -D -e -f /etc/ssh/test_sshd_config
