#!/bin/sh
# Checks that every C and C++ file is as clang-format leaves it.
#
#     check_format.sh CLANG_FORMAT ROOT
cd "$2" || exit 1
find ir frontend passes codegen runtime tools tests bench examples \
  \( -name '*.h' -o -name '*.c' -o -name '*.cpp' \) -print | sort | xargs "$1" --dry-run --Werror
