package engine

import (
	"slices"
	"strconv"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// notice is one notification.
type notice struct {
	class notifyClass
	name  string
	db    int
	key   []byte
}

// notifyState is what notifications need.
type notifyState struct {
	classes notifyClass // the setting

	// Of the command whose events are being applied.
	voice    voice
	args     [][]byte // nil where nobody asked for the events
	replyAt  int      // where its reply begins in the writer of the call
	reply    []byte   // that, while the voice wants to see it
	all      []notice
	replaced []byte // the key that is about to get another value: it is not new; nil for none

	event            event.Event // scratch
	channel, message []byte      // scratch
}

// setClasses takes over the setting.
func (e *Engine) setClasses() {
	e.notify.classes = e.cfg.notifyClasses()
	e.call.Missed = nil
	if e.notify.classes&ofMiss != 0 {
		e.call.Missed = func(key []byte) { e.tell(notice{ofMiss, "keymiss", e.call.View.DB(), key}) }
	}
}

// notifying reports whether anybody could hear of a notification.
func (e *Engine) notifying() bool { return e.notify.classes != 0 && e.pubsub.clients > 0 }

// applyAndTell is Apply that notes what the events mean to those who listen, and tells
// them once all are applied. They are applied one by one: whether a key is new, or
// emptied, shows before and after each.
func (e *Engine) applyAndTell(db int, cause *row, events []byte) (after int, err error) {
	n := &e.notify
	n.voice, n.args, n.replaced = voice{}, nil, nil
	if cause != nil {
		n.args, n.voice = e.call.Args, cause.voice
	}
	if n.voice.named != nil {
		n.reply = e.call.Out.From(n.replyAt)
	}
	for len(events) > 0 && err == nil {
		rest, bad := n.event.Decode(events)
		if bad != nil {
			db, err = e.state.Apply(db, events) // says what is wrong with them
			break
		}
		db, err = e.applyOne(db, events[:len(events)-len(rest)])
		events = rest
	}
	if err == nil {
		if n.voice.pushFirst {
			slices.SortStableFunc(n.all, func(a, b notice) int { return a.turn() - b.turn() })
		}
		for _, x := range n.all {
			e.tell(x)
		}
	}
	clear(n.all)
	n.all, n.args, n.reply, n.replaced = n.all[:0], nil, nil, nil
	if n.event.Room() > keepNotifyRoom {
		n.event = event.Event{}
	}
	return db, err
}

// keepNotifyRoom is how many items an event may have had whose room is kept.
const keepNotifyRoom = 4096

// applyOne applies n.event, whose bytes are given, and notes what it means.
func (e *Engine) applyOne(db int, bytes []byte) (after int, err error) {
	n := &e.notify
	ev := &n.event
	there := func() bool { return ev.Key != nil && e.state.View(db, 0).Type(ev.Key) != state.None }
	was, known := there(), ev.Kind == event.StreamConsumer && e.hasConsumer(db, ev)
	if after, err = e.state.Apply(db, bytes); err != nil {
		return after, err
	}
	is := there()
	if is && !was && (n.replaced == nil || string(n.replaced) != string(ev.Key)) {
		n.note(ofNew, "new", db, ev.Key)
	}
	switch ev.Kind {
	case event.Delete:
		n.deleted(db, ev)
	case event.Rename:
		n.note(ofNew, "new", db, ev.To)
		n.note(ofGeneric, "rename_from", db, ev.Key)
		n.note(ofGeneric, "rename_to", db, ev.To)
	case event.Copy:
		n.note(ofNew, "new", ev.DB, ev.To)
		n.note(ofGeneric, "copy_to", ev.DB, ev.To)
	case event.Move:
		n.note(ofNew, "new", ev.DB, ev.Key)
		n.note(ofGeneric, "move_from", db, ev.Key)
		n.note(ofGeneric, "move_to", ev.DB, ev.Key)
	default:
		if !known {
			n.changed(db, ev)
		}
		if was && !is {
			n.note(ofGeneric, "del", db, ev.Key)
		}
	}
	return after, nil
}

// hasConsumer reports whether the consumer that ev speaks of is there.
func (e *Engine) hasConsumer(db int, ev *event.Event) bool {
	entries, err := e.state.View(db, 0).Stream(ev.Key)
	if err != nil {
		return false
	}
	g, ok := entries.Group(ev.Stream.Group)
	if ok {
		_, ok = g.Consumer(ev.Stream.Consumer)
	}
	return ok
}

// deleted notes a Delete.
func (n *notifyState) deleted(db int, ev *event.Event) {
	switch {
	case n.args == nil && ev.Reason == event.Expired:
		n.note(ofExpired, "expired", db, ev.Key)
	case n.args == nil && ev.Reason == event.Evicted:
		n.note(ofEvicted, "evicted", db, ev.Key)
	case ev.Reason == event.Overwritten:
		if !n.voice.renews {
			n.replaced = ev.Key
		}
	default:
		if n.voice.drains {
			n.note(n.voice.class, n.nameOf(ev), db, ev.Key)
		}
		n.note(ofGeneric, "del", db, ev.Key)
	}
}

// changed notes an event that changes what a key holds, or when it expires.
func (n *notifyState) changed(db int, ev *event.Event) {
	class, name := n.voice.class, n.nameOf(ev)
	if class == 0 {
		class = classOf(ev.Kind)
	}
	if name == "" || !n.voice.each && n.said(name, db, ev.Key) {
		return
	}
	n.note(class, name, db, ev.Key)
	if ev.Kind == event.String && ev.At != 0 && n.voice.expires != nil && n.voice.expires(n.args) {
		n.note(ofGeneric, "expire", db, ev.Key)
	}
}

// said reports whether the command's last notice was this one already: what is much is
// recorded in several events.
func (n *notifyState) said(name string, db int, key []byte) bool {
	if len(n.all) == 0 {
		return false
	}
	last := &n.all[len(n.all)-1]
	return last.name == name && last.db == db && string(last.key) == string(key)
}

func (n *notifyState) note(class notifyClass, name string, db int, key []byte) {
	n.all = append(n.all, notice{class, name, db, key})
}

// turn is when a notice of LMOVE and its kin comes: Redis puts the element into the one
// list before it tells that it was taken out of the other.
func (x *notice) turn() int {
	switch x.name {
	case "lpop", "rpop", "del":
		return 1
	}
	return 0
}

// tell publishes a notice to those who listen.
func (e *Engine) tell(x notice) {
	n := &e.notify
	if n.classes&x.class == 0 {
		return
	}
	n.message = append(n.message[:0], x.name...)
	if n.classes&ofKeyspace != 0 {
		e.publish(channels, n.channelOf("__keyspace@", x.db, x.key), n.message)
	}
	if n.classes&ofKeyevent != 0 {
		e.publish(channels, n.channelOf("__keyevent@", x.db, n.message), x.key)
	}
	if cap(n.channel) > keepBuffer {
		n.channel = nil
	}
}

func (n *notifyState) channelOf(what string, db int, of []byte) []byte {
	b := append(n.channel[:0], what...)
	b = strconv.AppendInt(b, int64(db), 10)
	b = append(b, "__:"...)
	n.channel = append(b, of...)
	return n.channel
}
