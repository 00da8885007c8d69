package engine

import (
	"slices"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// topicKind is what a client subscribes to.
type topicKind uint8

const (
	channels topicKind = iota
	patterns
	shards
	topicKinds
)

// String is the word that its messages and replies have in front.
func (k topicKind) String() string { return [...]string{"", "p", "s"}[k] }

// topic is a channel or pattern that somebody has subscribed to.
type topic struct {
	name string
	glob []byte     // the same, as a pattern
	subs []*Session // ascending by id, so that a replay sends in the same order

	before, after *topic // in the order in which they came to be
}

// topics is all of one kind.
type topics struct {
	byName      map[string]*topic
	first, last *topic
}

// pubsubState is who listens to what.
type pubsubState struct {
	topics  [topicKinds]topics
	clients int            // subscribed to anything
	changes []subscription // of this turn, in case it fails
}

// subscription is that a session has begun to listen, or has ceased to.
type subscription struct {
	s     *Session
	kind  topicKind
	name  string
	begun bool
}

// subscriptions is how many s has.
func (s *Session) subscriptions() int {
	return len(s.subs[channels]) + len(s.subs[patterns]) + len(s.subs[shards])
}

// counted is the number in a reply about a kind: channels and patterns count together.
func (s *Session) counted(k topicKind) int {
	if k == shards {
		return len(s.subs[shards])
	}
	return len(s.subs[channels]) + len(s.subs[patterns])
}

func bySessionID(s *Session, id uint64) int {
	switch {
	case s.id < id:
		return -1
	case s.id > id:
		return 1
	}
	return 0
}

// subscribe makes s listen; nothing happens where it does already.
func (e *Engine) subscribe(s *Session, k topicKind, name string) {
	if s.subs[k][name] != nil {
		return
	}
	ts := &e.pubsub.topics[k]
	t := ts.byName[name]
	if t == nil {
		t = ts.add(name)
	}
	i, _ := slices.BinarySearchFunc(t.subs, s.id, bySessionID)
	t.subs = slices.Insert(t.subs, i, s)
	if s.subscriptions() == 0 {
		e.pubsub.clients++
	}
	if s.subs[k] == nil {
		s.subs[k] = make(map[string]*topic)
	}
	s.subs[k][name] = t
	e.pubsub.changes = append(e.pubsub.changes, subscription{s, k, name, true})
}

// unsubscribe makes s listen no more; nothing happens where it does not.
func (e *Engine) unsubscribe(s *Session, k topicKind, name string) {
	t := s.subs[k][name]
	if t == nil {
		return
	}
	delete(s.subs[k], name)
	i, _ := slices.BinarySearchFunc(t.subs, s.id, bySessionID)
	if t.subs = slices.Delete(t.subs, i, i+1); len(t.subs) == 0 {
		e.pubsub.topics[k].remove(t)
	}
	if s.subscriptions() == 0 {
		e.pubsub.clients--
		s.overSince = 0
	}
	e.pubsub.changes = append(e.pubsub.changes, subscription{s, k, name, false})
}

// unsubscribeAll makes s deaf.
func (e *Engine) unsubscribeAll(s *Session) {
	for k := range topicKinds {
		for _, name := range s.sortedSubs(k) {
			e.unsubscribe(s, k, name)
		}
	}
}

// undoSubscriptions gives back what a turn that has failed has changed.
func (e *Engine) undoSubscriptions() {
	changes := e.pubsub.changes
	for _, c := range slices.Backward(changes) {
		switch {
		case c.begun:
			e.unsubscribe(c.s, c.kind, c.name)
		case !c.s.gone:
			e.subscribe(c.s, c.kind, c.name)
		}
	}
	e.forgetChanges()
}

// forgetChanges ends the turn.
func (e *Engine) forgetChanges() {
	clear(e.pubsub.changes)
	e.pubsub.changes = e.pubsub.changes[:0]
}

// sortedSubs is what s listens to, in an order that a replay has too.
func (s *Session) sortedSubs(k topicKind) []string {
	names := make([]string, 0, len(s.subs[k]))
	for name := range s.subs[k] {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (ts *topics) add(name string) *topic {
	t := &topic{name: name, glob: []byte(name), before: ts.last}
	if ts.byName == nil {
		ts.byName = make(map[string]*topic)
	}
	ts.byName[name] = t
	if ts.last == nil {
		ts.first = t
	} else {
		ts.last.after = t
	}
	ts.last = t
	return t
}

func (ts *topics) remove(t *topic) {
	delete(ts.byName, t.name)
	if t.before == nil {
		ts.first = t.after
	} else {
		t.before.after = t.after
	}
	if t.after == nil {
		ts.last = t.before
	} else {
		t.after.before = t.before
	}
}

// publish sends a message to who listens to a channel, and to patterns that it
// matches, and returns how many got it; one that listens in several ways gets several.
// It leaves once the turn is committed, and is written once for all who get it.
func (e *Engine) publish(k topicKind, channel, message []byte) (receivers int) {
	if t := e.pubsub.topics[k].byName[string(channel)]; t != nil {
		receivers += e.sendTo(t, func(out *resp.Writer) {
			out.Push(3)
			out.BulkString(k.String() + "message")
			out.Bulk(channel)
			out.Bulk(message)
		})
	}
	if k == shards {
		return receivers
	}
	for t := e.pubsub.topics[patterns].first; t != nil; t = t.after {
		if !command.Glob(t.glob, channel, false) {
			continue
		}
		receivers += e.sendTo(t, func(out *resp.Writer) {
			out.Push(4)
			out.BulkString("pmessage")
			out.BulkString(t.name)
			out.Bulk(channel)
			out.Bulk(message)
		})
	}
	return receivers
}

// sendTo sends what write writes to all who listen to t.
func (e *Engine) sendTo(t *topic, write func(out *resp.Writer)) (receivers int) {
	var frames [4][]byte // by protocol
	for _, s := range t.subs {
		if frames[s.proto] == nil {
			frames[s.proto] = e.frame(s.proto, write)
		}
		e.push(s, frames[s.proto])
	}
	return len(t.subs)
}
