//go:build !linux

package main

// lowerThread does nothing: where threads share the priority of their process, the server's
// must not suffer.
func lowerThread() {}
