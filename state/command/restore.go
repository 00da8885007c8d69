package command

import (
	"errors"
	"math"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command/rdb"
	"github.com/altilium-db/altilium/state/event"
)

// restoreOptions is what follows the payload of RESTORE.
type restoreOptions struct {
	replace, absolute bool
	accessed          Accessed
}

func (c *Call) restoreOptions() (o restoreOptions, ok bool) {
	a := &o.accessed
	for i := 4; i < len(c.Args); i++ {
		switch more := i+1 < len(c.Args); {
		case c.Is(i, "REPLACE"):
			o.replace = true
		case c.Is(i, "ABSTTL"):
			o.absolute = true
		case c.Is(i, "IDLETIME") && more && !a.Counted:
			i++
			if a.Idle, ok = c.Int(i); !ok {
				return o, false
			}
			if a.Timed = true; a.Idle < 0 {
				c.Out.Error("ERR Invalid IDLETIME value, must be >= 0")
				return o, false
			}
		case c.Is(i, "FREQ") && more && !a.Timed:
			i++
			n, ok := c.Int(i)
			if !ok {
				return o, false
			}
			if n < 0 || n > math.MaxUint8 {
				c.Out.Error("ERR Invalid FREQ value, must be >= 0 and <= 255")
				return o, false
			}
			a.Counted, a.Count = true, uint8(n)
		default:
			c.Out.Error(TextSyntax)
			return o, false
		}
	}
	return o, true
}

func restoreCommand(c *Call) {
	o, ok := c.restoreOptions()
	if !ok {
		return
	}
	key := c.Args[1]
	if !o.replace && c.View.Exists(key) {
		c.Out.Error("BUSYKEY Target key name already exists.")
		return
	}
	at, ok := c.restoredExpiry(o)
	if !ok {
		return
	}
	body, err := rdb.Open(c.Args[3])
	if err != nil {
		c.Out.Error("ERR DUMP payload version or checksum are wrong")
		return
	}
	mark := c.Events.Len()
	there, late := c.View.Type(key) != state.None, at != 0 && at <= c.View.Now()
	switch {
	case there && late:
		c.Events.Delete(key, event.User) // nothing takes its place
	case there:
		c.Events.Delete(key, event.Overwritten)
	}
	if err := c.restore(body, at, late); err != nil {
		c.Events.Truncate(mark)
		c.failRestore(err)
		return
	}
	if !late {
		o.accessed.Key = key
		c.accessed = o.accessed
	}
	c.Out.OK()
}

// restoredExpiry is the expiry in ms since 1970, 0 for none; after an error it is answered
// and ok false. A time beyond all integers is one that is over, as in Redis.
func (c *Call) restoredExpiry(o restoreOptions) (at int64, ok bool) {
	at, ok = c.Int(2)
	switch {
	case !ok:
		return 0, false
	case at < 0:
		c.Out.Error("ERR Invalid TTL value, must be >= 0")
		return 0, false
	case at != 0 && !o.absolute:
		at += c.View.Now()
	}
	return at, true
}

func (c *Call) failRestore(err error) {
	switch {
	case errors.Is(err, rdb.ErrTooLarge):
		c.Out.Error("ERR the value is larger than an entry of the log can be (1 GiB)")
	case errors.Is(err, rdb.ErrUnpacks):
		c.Out.Error("ERR the value unpacks to more than 512 MiB (proto-max-bulk-len): move it in parts")
	default:
		c.Out.Error("ERR Bad data format")
	}
}

// restore records what a body holds; unless it is too late for that, but it must be sound.
func (c *Call) restore(body []byte, at int64, late bool) error {
	r := &restorer{key: c.Args[1], at: at, events: c.Events, atOnce: itemsAtOnce(c.Args[1])}
	if late {
		r.events = &event.Buffer{}
	}
	r.events.Grow(len(body) + len(body)/8) // of short parts events are a little longer
	r.mark = r.events.Len()
	if err := rdb.Decode(body, r); err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return err
	}
	if at != 0 && !r.isString && !late {
		r.events.Expire(r.key, at)
	}
	return nil
}

// maxRecorded is how many bytes the events of one command may have: what an entry of the log
// holds, and a little less.
const maxRecorded = 1<<30 - 1<<16

// restorer makes events of a value, with itemsAtOnce of its parts in each.
type restorer struct {
	key      []byte
	at       int64 // its expiry, 0 for none
	events   *event.Buffer
	mark     int
	isString bool

	kind   event.Kind // of the event that says what was collected
	parts  [][]byte
	scores []float64
	atOnce int // parts of an event
}

// full records what was collected, where that is enough for an event.
func (r *restorer) full(kind event.Kind) error {
	if r.kind = kind; len(r.parts) < r.atOnce {
		return nil
	}
	return r.flush()
}

// flush records what was collected.
func (r *restorer) flush() error {
	if len(r.parts) > 0 {
		switch r.kind {
		case event.ListPush:
			r.events.ListPush(r.key, event.Right, r.parts...)
		case event.SetAdd:
			r.events.SetAdd(r.key, r.parts...)
		case event.HashSet:
			r.events.HashSet(r.key, r.parts...)
		case event.ZSetAdd:
			r.events.ZSetAdd(r.key, r.scores, r.parts)
		}
		clear(r.parts) // what was unpacked is the collector's
		r.parts, r.scores = r.parts[:0], r.scores[:0]
	}
	return r.enough()
}

// enough is an error where there are too many events.
func (r *restorer) enough() error {
	if r.events.Len()-r.mark > maxRecorded {
		return rdb.ErrTooLarge
	}
	return nil
}

func (r *restorer) String(value []byte) error {
	r.isString = true
	r.events.String(r.key, value, max(r.at, 0))
	return nil
}

func (r *restorer) Element(x []byte) error {
	r.parts = append(r.parts, x)
	return r.full(event.ListPush)
}

func (r *restorer) Member(m []byte) error {
	r.parts = append(r.parts, m)
	return r.full(event.SetAdd)
}

func (r *restorer) Pair(field, value []byte) error {
	r.parts = append(r.parts, field, value)
	return r.full(event.HashSet)
}

func (r *restorer) Scored(member []byte, score float64) error {
	r.parts, r.scores = append(r.parts, member), append(r.scores, score)
	return r.full(event.ZSetAdd)
}

func (r *restorer) Entry(id rdb.ID, pairs [][]byte) error {
	r.events.StreamAdd(r.key, event.ID(id), pairs...)
	return r.enough()
}

func (r *restorer) Stream(s *rdb.Stream) error {
	events := 0
	for i := range s.Groups {
		events += 1 + len(s.Groups[i].Consumers)
	}
	if events*len(r.key) > maxRecorded { // each names the key
		return rdb.ErrTooLarge
	}
	r.events.StreamSet(r.key, event.ID(s.Last), s.Added, event.ID(s.Deleted))
	for i := range s.Groups {
		g := &s.Groups[i]
		r.events.StreamGroup(r.key, g.Name, event.ID(g.Last), g.Read)
		for k := range g.Consumers {
			if err := r.consumer(g.Name, &g.Consumers[k]); err != nil {
				return err
			}
		}
	}
	return r.enough()
}

// consumer records a consumer and what is pending for it, in an event for each row of
// entries that were delivered at the same time.
func (r *restorer) consumer(group []byte, c *rdb.Consumer) error {
	r.events.StreamConsumer(r.key, group, c.Name, c.Seen, c.Active)
	var ids []event.ID
	var counts []uint64
	for i, p := range c.Pending {
		ids, counts = append(ids, event.ID(p.ID)), append(counts, p.Count)
		if i+1 < len(c.Pending) && c.Pending[i+1].Since == p.Since && len(ids) < r.atOnce {
			continue
		}
		r.events.StreamPending(r.key, group, c.Name, p.Since, ids, counts)
		ids, counts = ids[:0], counts[:0]
		if err := r.enough(); err != nil {
			return err
		}
	}
	return r.enough()
}
