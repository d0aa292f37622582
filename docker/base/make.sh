#!/bin/sh
# A base image without any registry: debootstrap and `docker import`. Needs root and Debian's debootstrap.
#   docker/base/make.sh mini-istiod-base
# Then: BASE_IMAGE=mini-istiod-base docker-compose build
# The certificates this machine believes go along, so that pip works behind a proxy of one's own.
set -eu
tag=${1:-mini-istiod-base}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=ca-certificates,curl,iptables,python3,python3-venv bookworm \
    "$folder" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >&2
umount "$folder/proc" "$folder/sys" 2>/dev/null || true
cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"
rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
tar -C "$folder" -c . | docker import \
    -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    -c 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt' - "$tag"
