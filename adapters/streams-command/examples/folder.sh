#!/bin/sh
# An archiver of one page: packs are files of a folder, the first argument.
#
# A real one calls the client of its service where this one calls cp, and translates the words of that service into
# `pending`, `active`, `failed`, `gone` and `unknown`.
set -eu
folder=$1
asked=$2
shift 2

fail() {
    printf '{"error": "%s", "message": "%s"}\n' "$1" "$2"
    exit 1
}

# Tickets are made here, so whatever has another form was not.
pack_of() {
    case $1 in
    *[!0-9a-f]* | "") fail missing "there is no deal $1" ;;
    esac
    test -e "$folder/$1.car" || fail missing "there is no deal $1"
    printf '%s' "$folder/$1.car"
}

case $asked in
capabilities)
    printf '{"recovery": "repeat", "fetches": true, "public": false, "releases": true}\n'
    ;;
submit)
    mkdir -p "$folder"
    # First under another name: a file that stands under its own is whole.
    cp "$1" "$folder/$STREAMS_KEY.part"
    mv "$folder/$STREAMS_KEY.part" "$folder/$STREAMS_KEY.car"
    printf '{"ticket": "%s"}\n' "$STREAMS_KEY"
    ;;
status)
    pack=$(pack_of "$1") || { printf '%s\n' "$pack"; exit 1; }
    printf '{"state": "active", "copies": [{"at": "%s"}]}\n' "$pack"
    ;;
fetch)
    pack=$(pack_of "$1") || { printf '%s\n' "$pack"; exit 1; }
    cp "$pack" "$2"
    printf '{}\n'
    ;;
release)
    # A file is of one key alone, and so is its ticket.
    test "${1:-$STREAMS_KEY}" = "$STREAMS_KEY" || fail conflict "$1 is of another key"
    rm -f "$folder/$STREAMS_KEY.part" "$folder/$STREAMS_KEY.car"
    printf '{"released": "now"}\n'
    ;;
list)
    separator=''
    printf '{"packs": ['
    for pack in "$folder"/*.car; do
        test -e "$pack" || continue
        name=$(basename "$pack" .car)
        printf '%s{"ticket": "%s", "size": %s}' "$separator" "$name" "$(wc -c <"$pack")"
        separator=', '
    done
    printf ']}\n'
    ;;
*)
    fail unsupported "$asked is not asked of this archiver"
    ;;
esac
