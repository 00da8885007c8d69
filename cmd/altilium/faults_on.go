//go:build faults

package main

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/altilium-db/altilium/log"
)

// faults makes a server fail on purpose, as the environment says:
//
//	ALTILIUM_FAULT_SYNC=300ms   every fsync takes that long
//	ALTILIUM_FAULT_SYNC=fail    every fsync fails after the first ten
//	ALTILIUM_FAULT_LOSSY=50     every 50th turn is acknowledged and not written
func faults() *log.Faults {
	f := &log.Faults{}
	if delay, err := time.ParseDuration(os.Getenv("ALTILIUM_FAULT_SYNC")); err == nil {
		f.Sync = func() error { time.Sleep(delay); return nil }
	}
	if os.Getenv("ALTILIUM_FAULT_SYNC") == "fail" {
		var n atomic.Int64
		f.Sync = func() error {
			if n.Add(1) > 10 {
				return errors.New("input/output error (on purpose)")
			}
			return nil
		}
	}
	if every, err := strconv.ParseInt(os.Getenv("ALTILIUM_FAULT_LOSSY"), 10, 64); err == nil {
		var n atomic.Int64
		f.Lossy = func() bool { return n.Add(1)%every == 0 }
	}
	return f
}

// plantedReply answers the command named by ALTILIUM_FAULT_REPLY wrongly.
func plantedReply(args [][]byte, reply []byte) []byte {
	if name := os.Getenv("ALTILIUM_FAULT_REPLY"); name != "" && bytes.EqualFold(args[0], []byte(name)) {
		return []byte("+planted\r\n")
	}
	return reply
}
