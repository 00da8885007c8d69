//go:build unix

package engine

import (
	"syscall"
	"time"
)

// processorTime is what the process has used so far.
func processorTime() (user, system time.Duration) {
	var ru syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &ru) != nil {
		return 0, 0
	}
	return time.Duration(ru.Utime.Nano()), time.Duration(ru.Stime.Nano())
}
