# What the scripts beside this one share; to be sourced. They keep everything in one directory that they are given:
# `made-by` says that it is theirs (nothing else is ever wiped), `pids` what runs, `log/` what it said.

# Servers end by themselves after this, even if nobody stops them any more.
lifetime="${HALLMARK_TEST_STORES_LIFETIME:-3h}"

die() {
    printf 'error: %s\n hint: %s\n' "$1" "$2" >&2
    exit 2
}

has() { command -v "$1" >/dev/null 2>&1; }

# Makes DIR empty: a new one, or what an earlier run left there.
fresh_directory() {
    local directory="$1" owner="$2"
    if [[ -e $directory/made-by ]]; then
        [[ "$(cat "$directory/made-by")" == "$owner" ]] || die "$directory belongs to another store" "name another directory"
        stop_all "$directory" KILL
        rm -rf "$directory"
    elif [[ -d $directory && -n "$(ls -A "$directory")" ]]; then
        die "$directory holds files that are not a store's" "name a directory that is empty or not there yet"
    fi
    mkdir -p "$directory/log"
    echo "$owner" >"$directory/made-by"
}

# Runs a server of DIR in a session of its own: `launch DIR NAME COMMAND…`.
launch() {
    local directory="$1" name="$2"
    shift 2
    setsid timeout --kill-after=10 "$lifetime" "$@" >"$directory/log/$name.out" 2>&1 </dev/null &
    echo "$name $!" >>"$directory/pids"
}

# The number of the session of a server, if that is still running and still the one that was started there.
running() {
    local directory="$1" name="$2" pid
    pid="$(awk -v name="$name" '$1 == name { pid = $2 } END { print pid }' "$directory/pids" 2>/dev/null)"
    [[ -n $pid && -r /proc/$pid/cmdline ]] || return 1
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$directory" || return 1
    echo "$pid"
}

# Ends one server with a signal (and all it started), and waits until it is gone.
stop_one() {
    local directory="$1" name="$2" signal="$3" pid tries
    pid="$(running "$directory" "$name")" || return 0
    kill "-$signal" -- "-$pid" 2>/dev/null || true
    for ((tries = 0; tries < 100; tries++)); do
        group_lives "$pid" || return 0
        sleep 0.1
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
}

# Whether anything of a process group is left that is not a corpse.
group_lives() {
    # After the command's name, which may hold anything: state, parent, group.
    cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^.*) //' |
        awk -v group="$1" '$3 == group && $1 != "Z" { found = 1 } END { exit !found }'
}

# Ends every server of DIR with a signal, the last one to start first. What they kept stays.
stop_all() {
    local directory="$1" signal="$2" name
    [[ -f $directory/pids ]] || return 0
    for name in $(tac "$directory/pids" | awk '!seen[$1]++ { print $1 }'); do
        stop_one "$directory" "$name" "$signal"
    done
    rm -f "$directory/pids"
}

# Waits until a command succeeds: `wait_for SECONDS WHAT DIR COMMAND…`. Shows the logs when it does not.
wait_for() {
    local end=$((SECONDS + $1)) what="$2" directory="$3"
    shift 3
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= end)); then
            show_logs "$directory"
            die "$what did not come up" "its logs are in $directory/log"
        fi
        sleep 0.2
    done
}

show_logs() {
    local log
    for log in "$1"/log/*; do
        [[ -s $log ]] || continue
        echo "--- the end of $log"
        tail -n 15 "$log"
    done >&2
}

# Whether something listens on a port of this machine.
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Whether the HTTP server on a port answers, whatever it says.
answers() {
    local status
    exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
    IFS= read -r -t 5 status <&3 || true
    exec 3>&-
    [[ $status == HTTP/1.* ]]
}

# Prints the first of COUNT ports that nobody listens on: from the environment, or found. They lie below those that
# the kernel gives to whoever asks for any, so that a test's server does not take one meanwhile.
free_ports() {
    local wanted="$1" count="$2" base tries port
    if [[ -n $wanted ]]; then
        for ((port = wanted; port < wanted + count; port++)); do
            ! listens "$port" || die "port $port is taken" "free it, or let ports be found by not naming any"
        done
        echo "$wanted"
        return
    fi
    for ((tries = 0; tries < 50; tries++)); do
        base=$((11000 + (RANDOM % 400) * 50))
        for ((port = base; port < base + count; port++)); do
            ! listens "$port" || continue 2
        done
        echo "$base"
        return
    done
    die "no $count free ports in a row were found" "name the first in the environment"
}

random_hex() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
