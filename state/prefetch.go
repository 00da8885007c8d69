//go:build amd64 || arm64

package state

import "unsafe"

// prefetch asks for the line of memory that p lies in, and does not wait for it.
//
//go:noescape
func prefetch(p unsafe.Pointer)
