package command

import (
	"slices"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// groupOptions is what follows the id of XGROUP CREATE and SETID.
type groupOptions struct {
	makes bool
	read  int64
}

func (c *Call) groupOptions(mayMake bool) (o groupOptions, ok bool) {
	o.read = unknownRead
	for i := 5; i < len(c.Args); i++ {
		switch {
		case mayMake && c.Is(i, "MKSTREAM"):
			o.makes = true
		case c.Is(i, "ENTRIESREAD") && i+1 < len(c.Args):
			i++
			if o.read, ok = c.Int(i); !ok {
				return o, false
			}
			if o.read < unknownRead {
				c.Out.Error("ERR value for ENTRIESREAD must be positive or -1")
				return o, false
			}
		default:
			c.wrongSubcommand()
			return o, false
		}
	}
	return o, true
}

// wrongSubcommand answers that the words of a subcommand are wrong.
func (c *Call) wrongSubcommand() {
	c.Out.Error(oneLine("ERR unknown subcommand or wrong number of arguments for '" +
		string(quotable(c.Args[1], maxQuoted)) + "'. Try " + c.Spec.Parent.Upper() + " HELP."))
}

// textNoStream is XGROUP's answer where there is no stream.
const textNoStream = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically."

// thereStream is the stream of a subcommand of XGROUP or XINFO, which must be there: where
// it is not, absent is answered. After an error it is answered and ok false.
func (c *Call) thereStream(absent string) (s state.Entries, ok bool) {
	if s, ok = c.stream(2); ok && !s.Exists() {
		c.Out.Error(absent)
		return s, false
	}
	return s, ok
}

// thereGroup is the stream and the group that a subcommand names, which must both be there.
func (c *Call) thereGroup(absent string) (s state.Entries, g state.Group, ok bool) {
	if s, ok = c.thereStream(absent); !ok {
		return s, g, false
	}
	if g, ok = s.Group(c.Args[3]); !ok {
		c.Out.Error("NOGROUP No such consumer group " + quoted(c.Args[3]) + " for key name " + quoted(c.Args[2]))
	}
	return s, g, ok
}

// position reads Args[4] as where a group of s is put to; after an error it is answered
// and ok false.
func (c *Call) position(s state.Entries, signs bool) (id event.ID, ok bool) {
	switch {
	case c.Is(4, "$"):
		return s.Last(), true
	case signs && c.Is(4, "-"):
		return event.ID{}, true
	case signs && c.Is(4, "+"):
		return event.MaxID(), true
	}
	return c.id(4)
}

func xgroupCreate(c *Call) {
	o, ok := c.groupOptions(true)
	if !ok {
		return
	}
	s, ok := c.stream(2)
	switch {
	case !ok:
		return
	case !s.Exists() && !o.makes:
		c.Out.Error(textNoStream)
		return
	}
	if len(c.Args) > 8 {
		c.wrongSubcommand()
		return
	}
	id, ok := c.position(s, false)
	if !ok {
		return
	}
	if _, there := s.Group(c.Args[3]); there {
		c.Out.Error("BUSYGROUP Consumer Group name already exists")
		return
	}
	if !s.Exists() {
		c.Events.StreamSet(c.Args[2], event.ID{}, 0, event.ID{})
	}
	c.Events.StreamGroup(c.Args[2], c.Args[3], id, o.read)
	c.Out.OK()
}

func xgroupSetID(c *Call) {
	o, ok := c.groupOptions(false)
	if !ok {
		return
	}
	s, _, ok := c.thereGroup(textNoStream)
	if !ok {
		return
	}
	if len(c.Args) > 7 {
		c.wrongSubcommand()
		return
	}
	id, ok := c.position(s, true)
	if !ok {
		return
	}
	c.Events.StreamGroup(c.Args[2], c.Args[3], id, o.read)
	c.Out.OK()
}

func xgroupDestroy(c *Call) {
	s, ok := c.thereStream(textNoStream)
	if !ok {
		return
	}
	if _, there := s.Group(c.Args[3]); !there {
		c.Out.Int(0)
		return
	}
	c.Events.StreamDestroy(c.Args[2], c.Args[3])
	c.Out.Int(1)
}

func xgroupCreateConsumer(c *Call) {
	_, g, ok := c.thereGroup(textNoStream)
	if !ok {
		return
	}
	if _, there := g.Consumer(c.Args[4]); there {
		c.Out.Int(0)
		return
	}
	c.Events.StreamConsumer(c.Args[2], c.Args[3], c.Args[4], c.View.Now(), 0)
	c.Out.Int(1)
}

func xgroupDelConsumer(c *Call) {
	_, g, ok := c.thereGroup(textNoStream)
	if !ok {
		return
	}
	who, there := g.Consumer(c.Args[4])
	if !there {
		c.Out.Int(0)
		return
	}
	c.Events.StreamForget(c.Args[2], c.Args[3], c.Args[4])
	c.Out.Int(int64(who.Pending()))
}

func xgroupHelp(c *Call) {
	c.replyLines(
		"XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
		"CREATE <key> <groupname> <id|$> [MKSTREAM] [ENTRIESREAD entries_read]",
		"    Make a consumer group that is given the entries above an id; with",
		"    MKSTREAM the stream too, if it is not there.",
		"CREATECONSUMER <key> <groupname> <consumername>",
		"    Make a consumer in a group.",
		"DELCONSUMER <key> <groupname> <consumername>",
		"    Remove a consumer with what is pending for it.",
		"DESTROY <key> <groupname>",
		"    Remove a group.",
		"SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
		"    Say which entry a group was given last.",
		"HELP",
		"    Print this help.",
	)
}

func xackCommand(c *Call) {
	s, ok := c.stream(1)
	if !ok {
		return
	}
	g, there := s.Group(c.Args[2])
	if !there {
		c.Out.Int(0)
		return
	}
	var room [8]event.ID
	ids, ok := c.ids(3, room[:0])
	if !ok {
		return
	}
	ids = slices.DeleteFunc(ids, func(id event.ID) bool {
		_, pending := g.FindPending(id)
		return !pending
	})
	if len(ids) > 0 {
		c.Events.StreamAck(c.Args[1], c.Args[2], ids...)
	}
	c.Out.Int(int64(len(ids)))
}
