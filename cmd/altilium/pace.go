package main

import (
	"sync/atomic"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
)

// pace is what a server knows of how fast it comes to a state: measured by its start, then by
// each checkpoint. It is an engine.Pace.
type pace struct {
	now atomic.Pointer[compaction.Pace]
}

func (p *pace) set(now compaction.Pace) { p.now.Store(&now) }

// Spacing is [compaction.Pace.Spacing].
func (p *pace) Spacing(keys int, bytes int64) uint64 { return p.now.Load().Spacing(keys, bytes) }

// Opening is [compaction.Pace.Opening].
func (p *pace) Opening(m *log.Manifest, last uint64) (worst, typical time.Duration) {
	o := p.now.Load().Opening(m, last)
	return o.Worst, o.Typical
}
