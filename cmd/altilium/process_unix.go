//go:build unix

package main

import (
	"math"
	"syscall"
)

// ownGroup keeps a terminal's Ctrl-C from a child: its parent decides.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// lowerPriority lets the server go first.
func lowerPriority() {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 10) // without it the work is done as well
}

// openFiles is how many descriptors the process may have, 0 where there is no limit. Go
// has raised it as far as it may.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > math.MaxInt32 {
		return 0
	}
	return int(limit.Cur)
}
