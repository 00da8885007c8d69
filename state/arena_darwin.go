//go:build darwin && !altilium_heap

package state

import "golang.org/x/sys/unix"

const adviceDiscard = unix.MADV_FREE

// wantHuge: this system chooses by itself.
func wantHuge([]byte)      {}
func wantSmall([]byte)     {}
func populate([]byte, any) {}
