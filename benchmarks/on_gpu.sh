#!/usr/bin/env bash
# Everything to run in the first minutes on a machine with an NVIDIA GPU, each step with a time limit:
#
#     benchmarks/on_gpu.sh [DIRECTORY] [STEP ...]
#
# The output of each step and its tables go into the directory (benchmarks/results/gpu). A step that
# fails or runs out of time does not stop the others, and what it has printed stays; the status is 1
# if any did. All together take less than nine minutes. Steps: smoke steps tests sanitize cpu_vs_gpu
# times (default: all). PYTHON names the interpreter, EXTRA adds options to the benchmarks, and
# DEVICE replaces "cuda" in the benchmarks: DEVICE=emulator EXTRA=--quick tries the script without a GPU.
set -uo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
results=${1:-$repository/benchmarks/results/gpu}
mkdir -p "$results" && results=$(cd "$results" && pwd) || exit 1
steps=("${@:2}")
cd "$repository" || exit 1
export PYTHONPATH=$repository${PYTHONPATH:+:$PYTHONPATH}
python=${PYTHON:-python3}
device=${DEVICE:-cuda}
summary=() failed=0

# is_wanted NAME: whether this step was asked for
is_wanted() {
    [ ${#steps[@]} -eq 0 ] || [[ " ${steps[*]} " == *" $1 "* ]]
}

# step NAME SECONDS COMMAND...: its output on the terminal and in NAME.txt
step() {
    local name=$1 limit=$2 start=$SECONDS status
    is_wanted "$name" || return
    printf '\n== %s (at most %s s): %s\n' "$name" "$limit" "${*:3}"
    timeout --kill-after=5 "$limit" "${@:3}" 2>&1 | tee "$results/$name.txt"
    status=${PIPESTATUS[0]}
    case $status in
        0) status=passed ;;
        124 | 137) status="FAILED: out of time" failed=1 ;;
        *) status="FAILED: status $status" failed=1 ;;
    esac
    summary+=("$(printf '%-12s %4d s  %s' "$name" $((SECONDS - start)) "$status")")
}

# benchmark NAME SECONDS FILE OPTIONS...
benchmark() {
    # shellcheck disable=SC2086 - EXTRA holds several words
    step "$1" "$2" "$python" -m "benchmarks.$3" --device "$device" --results "$results" "${@:4}" ${EXTRA:-}
}

benchmark smoke 60 gpu_smoke
benchmark steps 90 gpu_steps

workers=()
if "$python" -c "import xdist" 2>/dev/null; then
    workers=(-n "${WORKERS:-14}")
fi
step tests 150 "$python" -m pytest -q -p no:cacheprovider -m "not slow" --device "$device" -k "$device" "${workers[@]}" ${TESTS:-}

if command -v compute-sanitizer >/dev/null; then
    # shellcheck disable=SC2086
    step sanitize 60 compute-sanitizer --error-exitcode 9 "$python" -m benchmarks.gpu_sanitize \
        --device "$device" --results "$results" ${EXTRA:-}
elif is_wanted sanitize; then
    summary+=("sanitize            -  skipped: compute-sanitizer is not installed (it comes with the CUDA toolkit)")
fi

benchmark cpu_vs_gpu 100 cpu_vs_gpu --rounds 3
benchmark times 70 gpu_times

printf '\n== Summary\n'
printf '%s\n' "${summary[@]}" | tee "$results/summary.txt"
exit "$failed"
