package engine

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/resp"
)

// recordPreludes records what there was before the recording: each connection with what it
// has said of itself, and what concerns several. self is the one that begins it.
func (e *Engine) recordPreludes(self *Session) {
	sessions := e.sessionsByID()
	for _, s := range sessions {
		e.recordConnect(s, e.now)
		if s.waiting && s.aside == nil && (s.waiter == nil || s.waiter.row.disk) {
			s.asking = true // what it waits for no step brings about, and its command is none
		}
	}
	for _, s := range sessions {
		e.recordPrelude(s)
	}
	if e.paused() && !e.pause.ownOnly() {
		kind := "WRITE"
		if e.pause.kind == pausedAll {
			kind = "ALL"
		}
		e.preludeOf(self)("CLIENT", "PAUSE", strconv.FormatInt(e.pause.end-e.now/1000, 10), kind)
	}
	e.recordPreludeTracked()
	for _, s := range sessions {
		if s.listening() { // nothing else may be said afterwards
			e.recordPreludeReply(s, self)
		}
	}
	e.recordPreludeSubs()
	for _, s := range sessions {
		if !s.listening() {
			e.recordPreludeMulti(s, e.preludeOf(s))
			e.recordPreludeReply(s, self)
		}
	}
	e.recordPreludeWaits()
	for _, s := range e.monitor.sessions {
		if !s.monitorsEarly() {
			e.preludeOf(s)("MONITOR")
		}
	}
}

// recordPrelude records the commands that bring a fresh connection into the state that one
// has which was there before the recording. What no command can bring back is a lost WATCH:
// its EXEC would succeed; and a tracking whose messages went to a connection that is gone.
func (e *Engine) recordPrelude(s *Session) {
	say := e.preludeOf(s)
	if password := e.cfg.password(); s.authed && password != "" {
		say("AUTH", password)
	}
	if s.proto == 3 {
		say("HELLO", "3")
	}
	if s.name != "" {
		say("CLIENT", "SETNAME", s.name)
	}
	if s.lib != "" {
		say("CLIENT", "SETINFO", "LIB-NAME", s.lib)
	}
	if s.libVer != "" {
		say("CLIENT", "SETINFO", "LIB-VER", s.libVer)
	}
	if s.noEvict {
		say("CLIENT", "NO-EVICT", "ON")
	}
	if s.noTouch {
		say("CLIENT", "NO-TOUCH", "ON")
	}
	db := 0
	for _, w := range s.watches {
		if w.db != db {
			db = w.db
			say("SELECT", strconv.Itoa(db))
		}
		say("WATCH", w.key)
	}
	if s.db != db {
		say("SELECT", strconv.Itoa(s.db))
	}
	if words := s.tracking.words(); words != nil {
		say(words...)
	}
	if s.monitors && s.monitorsEarly() {
		say("MONITOR")
	}
}

// preludeOf records what s says.
func (e *Engine) preludeOf(s *Session) (say func(args ...string)) {
	return func(args ...string) {
		argv := make([][]byte, len(args))
		for i, a := range args {
			argv[i] = []byte(a)
		}
		e.recordPreludeCommand(s, argv)
	}
}

// recordPreludeReply records which replies s wants. What self skips is the reply of its
// RECORD START.
func (e *Engine) recordPreludeReply(s, self *Session) {
	switch {
	case s.muting == replyOff:
		e.preludeOf(s)("CLIENT", "REPLY", "OFF")
	case s.muting == replySkip && s != self:
		e.preludeOf(s)("CLIENT", "REPLY", "SKIP")
	}
}

// recordPreludeSubs records who listens to what, in the order in which that came to be:
// messages of several patterns come in this order.
func (e *Engine) recordPreludeSubs() {
	for k := range topicKinds {
		for t := e.pubsub.topics[k].first; t != nil; t = t.after {
			for _, s := range t.subs {
				e.preludeOf(s)(strings.ToUpper(k.String())+"SUBSCRIBE", t.name)
			}
		}
	}
}

func (e *Engine) recordPreludeMulti(s *Session, say func(args ...string)) {
	if s.tracking.caching {
		say(s.tracking.cachingWords()...)
	}
	if !s.multi.active || s.past != nil { // nothing that is asked of the past is a step
		return
	}
	say("MULTI")
	for _, q := range s.multi.queue {
		e.recordPreludeCommand(s, q.args)
	}
	if s.multi.aborted {
		say("GET") // refused for its arity: EXEC will answer EXECABORT
	}
}

func (e *Engine) recordPreludeCommand(s *Session, argv [][]byte) {
	e.steps = append(e.steps, pendingStep{step: resp.Step{
		Kind: resp.StepPrelude, Conn: s.id, Clock: e.now, Args: e.recording.hide.args(e.cfg, argv),
	}})
}

// recordPreludeWaits records who waits, in the order and at the times in which they
// came.
func (e *Engine) recordPreludeWaits() {
	var all []*waiter
	for _, s := range e.sessions {
		if s.waiter != nil && !s.waiter.row.disk {
			all = append(all, s.waiter)
		}
	}
	slices.SortFunc(all, func(a, b *waiter) int { return cmp.Compare(a.seq, b.seq) })
	for _, w := range all {
		e.steps = append(e.steps, pendingStep{step: resp.Step{Kind: resp.StepPrelude, Conn: w.s.id, Clock: w.began, Args: w.args}})
	}
}
