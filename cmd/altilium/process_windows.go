package main

import "syscall"

// ownGroup keeps a terminal's Ctrl-C from a child: its parent decides.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// lowerPriority does nothing here.
func lowerPriority() {}

// openFiles is how many descriptors the process may have: Windows has no limit.
func openFiles() int { return 0 }
