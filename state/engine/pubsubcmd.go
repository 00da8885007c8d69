package engine

import (
	"strings"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// pubsubHandlers are the commands of publish and subscribe.
func pubsubHandlers() map[string]handler {
	return map[string]handler{
		"subscribe":            subscribeTo(channels),
		"psubscribe":           subscribeTo(patterns),
		"ssubscribe":           subscribeTo(shards),
		"unsubscribe":          unsubscribeFrom(channels),
		"punsubscribe":         unsubscribeFrom(patterns),
		"sunsubscribe":         unsubscribeFrom(shards),
		"publish":              publishTo(channels),
		"spublish":             publishTo(shards),
		"pubsub|channels":      listTopics(channels),
		"pubsub|shardchannels": listTopics(shards),
		"pubsub|numsub":        countSubscribers(channels),
		"pubsub|shardnumsub":   countSubscribers(shards),
		"pubsub|numpat":        pubsubNumpat,
		"pubsub|help":          helpOfContainer,
		"ping":                 pingCommand,
	}
}

// listening reports whether s may only speak of subscriptions: in RESP2 a client
// could not tell other replies from messages.
func (s *Session) listening() bool {
	return s.proto == 2 && (s.subscriptions() > 0 || s.unfollow != nil)
}

// whileListening are the commands that are allowed then, by their full names: LATENCY RESET is
// none of them.
func whileListening(name string) bool {
	switch name {
	case "subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe", "ping", "quit", "reset", "log|unsubscribe":
		return true
	}
	return false
}

func listeningText(r *row) string {
	return "ERR Can't execute '" + r.spec.FullName() +
		"': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
}

// writeSubscription writes the reply about one topic: a message in RESP3. A nil topic
// is that there was none.
func writeSubscription(out *resp.Writer, k topicKind, what string, topic []byte, count int) {
	out.Push(3)
	out.BulkString(k.String() + what)
	if topic == nil {
		out.Null()
	} else {
		out.Bulk(topic)
	}
	out.Int(int64(count))
}

func subscribeTo(k topicKind) handler {
	return func(e *Engine, s *Session, c *command.Call) {
		if k == shards && e.unit.exec {
			c.Out.Error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
			return
		}
		for _, name := range c.Args[1:] {
			e.subscribe(s, k, string(name))
			writeSubscription(c.Out, k, "subscribe", name, s.counted(k))
		}
	}
}

func unsubscribeFrom(k topicKind) handler {
	return func(e *Engine, s *Session, c *command.Call) {
		names := c.Args[1:]
		if len(names) == 0 {
			for _, name := range s.sortedSubs(k) {
				names = append(names, []byte(name))
			}
		}
		for _, name := range names {
			e.unsubscribe(s, k, string(name))
			writeSubscription(c.Out, k, "unsubscribe", name, s.counted(k))
		}
		if len(names) == 0 {
			writeSubscription(c.Out, k, "unsubscribe", nil, s.counted(k))
		}
	}
}

func publishTo(k topicKind) handler {
	return func(e *Engine, _ *Session, c *command.Call) {
		c.Out.Int(int64(e.publish(k, c.Args[1], c.Args[2])))
	}
}

// listTopics is PUBSUB CHANNELS and SHARDCHANNELS.
func listTopics(k topicKind) handler {
	return func(e *Engine, _ *Session, c *command.Call) {
		if len(c.Args) > 3 {
			unknownUse(c)
			return
		}
		var names []string
		for t := e.pubsub.topics[k].first; t != nil; t = t.after {
			if len(c.Args) < 3 || command.Glob(c.Args[2], []byte(t.name), false) {
				names = append(names, t.name)
			}
		}
		c.Out.Array(len(names))
		for _, name := range names {
			c.Out.BulkString(name)
		}
	}
}

// countSubscribers is PUBSUB NUMSUB and SHARDNUMSUB.
func countSubscribers(k topicKind) handler {
	return func(e *Engine, _ *Session, c *command.Call) {
		names := c.Args[2:]
		c.Out.Array(2 * len(names))
		for _, name := range names {
			n := 0
			if t := e.pubsub.topics[k].byName[string(name)]; t != nil {
				n = len(t.subs)
			}
			c.Out.Bulk(name)
			c.Out.Int(int64(n))
		}
	}
}

func pubsubNumpat(e *Engine, _ *Session, c *command.Call) {
	c.Out.Int(int64(len(e.pubsub.topics[patterns].byName)))
}

// unknownUse is what Redis answers where the arity allows more than there is.
func unknownUse(c *command.Call) {
	name := string(c.Args[1])
	c.Out.Error("ERR unknown subcommand or wrong number of arguments for '" + name[:min(len(name), 128)] + "'. Try " +
		strings.ToUpper(c.Spec.Parent.Name) + " HELP.")
}

// pingCommand is PING [message]: among messages it is one.
func pingCommand(_ *Engine, s *Session, c *command.Call) {
	if len(c.Args) > 2 {
		c.WrongArity()
		return
	}
	message := c.Args[1:]
	switch {
	case s.listening():
		c.Out.Array(2)
		c.Out.BulkString("pong")
		if len(message) == 0 {
			c.Out.BulkString("")
			return
		}
	case len(message) == 0:
		c.Out.Simple("PONG")
		return
	}
	c.Out.Bulk(message[0])
}
