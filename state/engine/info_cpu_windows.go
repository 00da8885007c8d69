package engine

import (
	"syscall"
	"time"
)

// processorTime is what the process has used so far.
func processorTime() (user, system time.Duration) {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return 0, 0
	}
	var created, exited, kernel, inUser syscall.Filetime
	if syscall.GetProcessTimes(self, &created, &exited, &kernel, &inUser) != nil {
		return 0, 0
	}
	ticks := func(f syscall.Filetime) time.Duration {
		return time.Duration(int64(f.HighDateTime)<<32|int64(f.LowDateTime)) * 100 // of 100 ns
	}
	return ticks(inUser), ticks(kernel)
}
