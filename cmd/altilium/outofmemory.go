package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/metrics"

	"github.com/altilium-db/altilium/state"
	"github.com/spf13/cobra"
)

// When there is no memory for more keys (state.OutOfMemory) nobody can go on with the state
// that needed it. Verbs end with an error; so does a server that has not loaded its data
// yet, and one that serves ends at once. It is not an error like others in that nothing is
// wrong with what is on the disk, and all of it can be had with more memory.

// execute runs the verb.
func execute(root *cobra.Command) (err error) {
	defer state.CatchOutOfMemory(&err)
	return root.Execute()
}

// guard is deferred by the server's loop: it ends the process when a turn finds no memory.
// Nothing of the turn is acknowledged, and the next start takes it as it takes kill -9.
func (d *daemon) guard() {
	v := recover()
	if v == nil {
		return
	}
	memory, ok := v.(*state.OutOfMemory)
	if !ok {
		panic(v)
	}
	line := d.logger.Error().Err(memory).Str("heap", size(goHeap())).Str("dir", d.dir)
	if d.log != nil { // the log is the loop's, and this is the loop
		line = line.Uint64("offset", d.log.Last())
	}
	line.Msg("the server stops; " + wayOut(memory))
	os.Exit(exitIO)
}

// withWayOut adds to an error that there is no memory what to do about it.
func withWayOut(err error) error {
	var memory *state.OutOfMemory
	if !errors.As(err, &memory) {
		return err
	}
	return fmt.Errorf("%w; Go's heap has %s; %s", err, size(goHeap()), wayOut(memory))
}

func wayOut(memory *state.OutOfMemory) string {
	const kept = "the log keeps everything that was acknowledged: "
	if errors.Is(memory, state.ErrFull) {
		return kept + "spread the keys over more databases or servers"
	}
	return kept + "give the process more memory (ulimit -v, vm.overcommit_memory, vm.max_map_count) and start it again"
}

// goHeap is how many bytes this process has from the system besides the memory of keys.
func goHeap() int64 {
	all := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(all)
	return int64(all[0].Value.Uint64())
}
