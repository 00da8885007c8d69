//go:build !faults

package main

import "github.com/altilium-db/altilium/log"

// faults is how tests make a server fail on purpose; a program without the
// build tag "faults" cannot.
func faults() *log.Faults { return nil }

// plantedReply is the wrong answer that a test has asked for.
func plantedReply(_ [][]byte, reply []byte) []byte { return reply }
