package log

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// fdatasync hands a file's data and size to the disk.
func fdatasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// fdatasyncHere is fdatasync for the writer, which has nothing else to do meanwhile: it
// keeps its processor. Giving it to other goroutines and getting it back takes longer
// than they would need; they have the others, if there are any.
func fdatasyncHere(f *os.File) error {
	if runtime.GOMAXPROCS(0) == 1 {
		return fdatasync(f)
	}
	for {
		switch _, _, errno := unix.RawSyscall(unix.SYS_FDATASYNC, f.Fd(), 0, 0); errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

// bootID changes with every start of the machine.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(id[:len(id)-1])
}
