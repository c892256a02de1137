# bash completion for bitmar(1)                           -*- shell-script -*-
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later

# Commands and options are those that --help tells, so that none is missing here. Where there is no word of ours, it is a file.
_bitmar () {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} help
  compopt -o default
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ] && [[ $word != -* ]]; then
    help=$("${COMP_WORDS[0]}" --help 2>/dev/null | sed -n 's/^  bitmar \([a-z]*\) .*/\1/p')
    mapfile -t COMPREPLY < <(compgen -W "$help" -- "$word")
  elif [[ $word == -* ]]; then
    help=$("${COMP_WORDS[0]}" "$command" --help 2>/dev/null | grep -oE '^ +(-[a-z], )?--[a-z0-9-]+=?' | grep -oE -- '--[a-z0-9-]+=?')
    mapfile -t COMPREPLY < <(compgen -W "$help" -- "$word")
    [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
  elif [[ $before == -c && $command == bench || $before == --cpu ]]; then
    mapfile -t COMPREPLY < <(compgen -W 'scalar avx2 avxvnni avx512vnni amx dotprod i8mm' -- "$word")
  fi
}
complete -F _bitmar bitmar
