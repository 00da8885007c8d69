package engine

import (
	"cmp"
	"maps"
	"slices"

	"github.com/altilium-db/altilium/resp"
)

// broadcastKeys tells what the unit that is over has changed, to who wants to know of all keys
// with a prefix: to each once for each prefix.
func (e *Engine) broadcastKeys() {
	t := &e.tracking
	slices.SortFunc(t.touched, func(a, b *broadcast) int { return cmp.Compare(a.prefix, b.prefix) })
	for _, b := range t.touched {
		all := staleMessage{keys: slices.Sorted(maps.Keys(b.keys))}
		for _, s := range b.sessions {
			if !s.tracking.noLoop {
				e.tellStale(s, &all)
				continue
			}
			others := staleMessage{keys: slices.DeleteFunc(slices.Clone(all.keys), func(key string) bool { return b.keys[key] == s })}
			if len(others.keys) > 0 {
				e.tellStale(s, &others)
			}
		}
		clear(b.keys)
	}
	clear(t.touched)
	t.touched = t.touched[:0]
}

// staleMessage is that keys have changed; all of them where keys is nil. It is written once for
// all who get it in one protocol.
type staleMessage struct {
	keys   []string
	frames [4][]byte // by protocol
}

// tellStale sends it to s, or to the connection that s has named. In RESP2 only one that has
// subscribed to something can be told, by a message.
func (e *Engine) tellStale(s *Session, m *staleMessage) {
	to := s
	if id := s.tracking.redirect; id != 0 {
		if to = e.live(id); to == nil {
			s.tracking.broken = true
			if s.proto == 3 {
				e.pushUnasked(s, e.frame(3, func(out *resp.Writer) {
					out.Push(2)
					out.BulkString("tracking-redir-broken")
					out.Int(int64(id))
				}))
			}
			return
		}
	}
	if to.proto == 2 && (s.tracking.redirect == 0 || to.subscriptions() == 0) {
		return
	}
	if m.frames[to.proto] == nil {
		m.frames[to.proto] = e.frame(to.proto, m.write)
	}
	e.pushUnasked(to, m.frames[to.proto])
}

func (m *staleMessage) write(out *resp.Writer) {
	if out.Protocol() == 3 {
		out.Push(2)
		out.BulkString("invalidate")
	} else {
		out.Array(3)
		out.BulkString("message")
		out.BulkString("__redis__:invalidate")
	}
	if m.keys == nil {
		out.Null()
		return
	}
	out.Array(len(m.keys))
	for _, key := range m.keys {
		out.BulkString(key)
	}
}

// pushUnasked pushes to one who may not have subscribed to anything: what it leaves unread of
// it is limited all the same.
func (e *Engine) pushUnasked(s *Session, frame []byte) {
	s.unasked = true
	e.push(s, frame)
}
