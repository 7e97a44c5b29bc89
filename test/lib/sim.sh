# Sourced by what needs a simulator and runs inside a prefix.

# start_simulator [OPTION ...]: starts one on a free port, which it exports with
# what tests read through \getenv.  It ends with the calling process.
start_simulator() {
	local port= out
	exec {out}< <(exec python3 "$prefix/src/test/sim/tplus_sim.py" --parent $$ "$@" \
		2>"$run/log/simulator.log")
	sim_pid=$!
	read -r -t 20 port <&"$out"
	exec {out}<&-
	case $port in
		'' | *[!0-9]*)
			cat "$run/log/simulator.log" >&2
			return 1
			;;
	esac
	export TPLUS_SIM_PORT=$port TPLUS_SIM_URL=http://127.0.0.1:$port
	export TPLUS_SIMCTL="python3 $prefix/src/test/sim/simctl.py $port"
}
