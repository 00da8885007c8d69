package main

import "syscall"

// lowerThread lets the other threads of the server go first: on Linux each thread has a
// priority of its own.
func lowerThread() {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), 10) // without it the work is done as well
}
