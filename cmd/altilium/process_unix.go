//go:build unix

package main

import "syscall"

// ownGroup keeps a terminal's Ctrl-C from a child: its parent decides.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// lowerPriority lets the server go first.
func lowerPriority() {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 10) // without it the work is done as well
}
