package command

import (
	"math"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// readOptions is what XREAD and XREADGROUP are asked for.
type readOptions struct {
	blocks   bool
	timeout  int64 // ms, 0 for ever
	count    int64 // of entries from each stream; -1 for all
	noAck    bool
	grouped  bool
	group    []byte
	consumer []byte
	keys     int // the argument that is the first key
	n        int // how many there are; as many ids follow
}

// readOptions reads the words up to the ids; after an error it is answered and ok false.
func (c *Call) readOptions(ofGroup bool) (o readOptions, ok bool) {
	o.count = -1
	for i := 1; i < len(c.Args) && o.keys == 0; i++ {
		more := len(c.Args) - i - 1
		switch {
		case c.Is(i, "BLOCK") && more > 0:
			i++
			o.blocks = true
			o.timeout, ok = c.milliseconds(i)
		case c.Is(i, "COUNT") && more > 0:
			i++
			if o.count, ok = c.Int(i); o.count <= 0 {
				o.count = -1
			}
		case c.Is(i, "STREAMS") && more > 0:
			o.keys, o.n, ok = i+1, more/2, more%2 == 0
			if !ok {
				c.unbalanced(ofGroup)
			}
		case c.Is(i, "GROUP") && more > 1:
			if ok = c.onlyOfGroup(ofGroup, "GROUP"); ok {
				o.grouped, o.group, o.consumer = true, c.Args[i+1], c.Args[i+2]
			}
			i += 2
		case c.Is(i, "NOACK"):
			o.noAck, ok = true, c.onlyOfGroup(ofGroup, "NOACK")
		default:
			c.Out.Error(TextSyntax)
			return o, false
		}
		if !ok {
			return o, false
		}
	}
	switch {
	case o.keys == 0:
		c.Out.Error(TextSyntax)
		return o, false
	case ofGroup && !o.grouped:
		c.Out.Error("ERR Missing GROUP option for XREADGROUP")
		return o, false
	}
	return o, true
}

// milliseconds reads Args[i] as how long to wait; after an error it is answered and ok
// false.
func (c *Call) milliseconds(i int) (n int64, ok bool) {
	n, ok = ParseInt(c.Args[i])
	switch {
	case !ok:
		c.Out.Error("ERR timeout is not an integer or out of range")
	case n < 0:
		c.Out.Error("ERR timeout is negative")
	case n > math.MaxInt64-c.View.Now():
		c.Out.Error("ERR timeout is out of range")
	default:
		return n, true
	}
	return 0, false
}

func (c *Call) unbalanced(ofGroup bool) {
	symbol := "$"
	if ofGroup {
		symbol = ">"
	}
	c.Out.Error("ERR Unbalanced '" + c.Spec.Name + "' list of streams: for each stream key an ID or '" + symbol + "' must be specified.")
}

// onlyOfGroup refuses an option to XREAD.
func (c *Call) onlyOfGroup(ofGroup bool, option string) bool {
	if !ofGroup {
		c.Out.Error("ERR The " + option + " option is only supported by XREADGROUP. You called XREAD instead.")
	}
	return ofGroup
}

// reading is what is read from one of the streams that a call names.
type reading struct {
	entries state.Entries
	after   event.ID // entries above it are wanted
	isNew   bool     // those that the group was not given yet, instead: ">"
	served  bool     // it is part of the reply
	n       int      // entries to answer with
	share   int      // of XREADGROUP: the number of the stream
	history []given  // of XREADGROUP: what is answered instead of entries; nil where there is none
}

// readings looks at each stream and its id; after an error it is answered and ok false.
func (c *Call) readings(o *readOptions, all []reading) (_ []reading, ok bool) {
	for i := range o.n {
		key, id := o.keys+i, o.keys+o.n+i
		var r reading
		if r.entries, ok = c.stream(key); !ok {
			return nil, false
		}
		if o.grouped {
			if _, there := r.entries.Group(o.group); !there {
				c.noGroup(key, o.group, " in XREADGROUP with GROUP option")
				return nil, false
			}
		}
		switch {
		case c.Is(id, "$") && o.grouped:
			c.Out.Error("ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.")
			return nil, false
		case c.Is(id, "$"):
			r.after = r.entries.Last()
		case c.Is(id, ">") && !o.grouped:
			c.Out.Error("ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.")
			return nil, false
		case c.Is(id, ">"):
			r.isNew = true
		default:
			if r.after, ok = c.id(id); !ok {
				return nil, false
			}
			r.isNew = o.grouped && r.after == event.MaxID()
		}
		all = append(all, r)
	}
	return all, true
}

// noGroup answers that there is no such key or group.
func (c *Call) noGroup(key int, group []byte, where string) {
	c.Out.Error("NOGROUP No such key " + quoted(c.Args[key]) + " or consumer group " + quoted(group) + where)
}

func xreadCommand(c *Call) {
	o, ok := c.readOptions(false)
	if !ok {
		return
	}
	var room [4]reading
	all, ok := c.readings(&o, room[:0])
	if !ok {
		return
	}
	for i := range all {
		r := &all[i]
		if from, ok := r.after.Next(); ok && r.entries.Len() > 0 && r.after.Less(r.entries.LastEntry()) {
			r.served, r.n = true, r.entries.Count(from, event.MaxID(), o.count)
		}
	}
	if some, _ := c.replyReadings(&o, all); !some {
		c.waitForEntries(&o, all)
	}
}

// replyReadings answers what has been read. Where that is nothing it has answered nothing,
// and where it is too much an error: whole is false then.
func (c *Call) replyReadings(o *readOptions, all []reading) (some, whole bool) {
	n := 0
	for i := range all {
		if all[i].served {
			n++
		}
	}
	if n == 0 {
		return false, true
	}
	limit := NewLimit(c.Out)
	mapped := c.Out.Protocol() == 3
	if mapped {
		c.Out.Map(n)
	} else {
		c.Out.Array(n)
	}
	for i := range all {
		r := &all[i]
		if !r.served {
			continue
		}
		if !mapped {
			c.Out.Array(2)
		}
		c.Out.Bulk(c.Args[o.keys+i])
		from, _ := r.after.Next()
		if r.history != nil {
			c.replyHistory(r.entries, r.history, limit)
		} else {
			c.replyEntries(r.entries, from, r.n, limit)
		}
		if limit.Exceeded() {
			limit.Refuse()
			return true, false
		}
	}
	return true, true
}

// waitForEntries waits, if the call wants to and may; else it answers that there are none.
func (c *Call) waitForEntries(o *readOptions, all []reading) (waits bool) {
	if !o.blocks || c.Patience != MayWait {
		c.Out.NullArray()
		return false
	}
	w := Waiting{Keys: c.Args[o.keys : o.keys+o.n], Type: state.Stream, Gone: o.grouped, Timeout: o.timeout}
	for i := range all {
		at := o.keys + o.n + i
		if !c.Is(at, "$") {
			continue
		}
		if w.Args == nil {
			w.Args = append(w.Args, c.Args...)
		}
		w.Args[at] = all[i].after.Append(nil)
	}
	c.Wait(w)
	return true
}
