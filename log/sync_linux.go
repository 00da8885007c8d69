package log

import (
	"os"

	"golang.org/x/sys/unix"
)

// fdatasync hands a file's data and size to the disk.
func fdatasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// willNeed has the system begin to read a stretch of a file; nobody waits for that.
func willNeed(f *os.File, from, n int64) {
	_ = unix.Fadvise(int(f.Fd()), from, n, unix.FADV_WILLNEED) // advice
}

// bootID changes with every start of the machine.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(id[:len(id)-1])
}
