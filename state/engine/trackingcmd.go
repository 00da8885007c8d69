package engine

import (
	"slices"
	"strings"

	"github.com/altilium-db/altilium/state/command"
)

func trackingHandlers() map[string]handler {
	return map[string]handler{
		"client|caching":      clientCaching,
		"client|getredir":     clientGetredir,
		"client|tracking":     clientTracking,
		"client|trackinginfo": clientTrackinginfo,
	}
}

const (
	errSwitchBcast = "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode."
	errSwitchOpt   = "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode."
	errNotTracking = "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
)

// clientTracking is CLIENT TRACKING ON|OFF [REDIRECT id] [PREFIX prefix]… [BCAST] [OPTIN]
// [OPTOUT] [NOLOOP].
func clientTracking(e *Engine, s *Session, c *command.Call) {
	o, problem := e.parseTracking(c.Args[3:])
	switch {
	case problem != "":
	case c.Is(2, "ON"):
		problem = s.tracking.refuses(&o)
	case !c.Is(2, "OFF"):
		problem = command.TextSyntax
	}
	if problem != "" {
		c.Out.Error(problem)
		return
	}
	if c.Is(2, "OFF") {
		e.untrack(s)
	} else {
		if o.bcast && len(o.prefixes) == 0 {
			o.prefixes = []string{""}
		}
		o.on = true
		o.prefixes = append(o.prefixes, s.tracking.prefixes...)
		slices.Sort(o.prefixes)
		o.prefixes = slices.Compact(o.prefixes)
		e.track(s, o)
	}
	c.Out.OK()
}

// parseTracking reads the options; problem is "" or the error to answer.
func (e *Engine) parseTracking(args [][]byte) (o tracking, problem string) {
	for i := 0; i < len(args); i++ {
		more := i+1 < len(args)
		switch {
		case command.IsWord(args[i], "REDIRECT") && more:
			i++
			if o.redirect != 0 {
				return o, "ERR A client can only redirect to a single other client"
			}
			id, ok := command.ParseInt(args[i])
			if !ok {
				return o, command.TextNotInteger
			}
			if e.live(uint64(id)) == nil {
				return o, "ERR The client ID you want redirect to does not exist"
			}
			o.redirect = uint64(id)
		case command.IsWord(args[i], "PREFIX") && more:
			i++
			o.prefixes = append(o.prefixes, string(args[i]))
		case command.IsWord(args[i], "BCAST"):
			o.bcast = true
		case command.IsWord(args[i], "OPTIN"):
			o.optIn = true
		case command.IsWord(args[i], "OPTOUT"):
			o.optOut = true
		case command.IsWord(args[i], "NOLOOP"):
			o.noLoop = true
		default:
			return o, command.TextSyntax
		}
	}
	return o, ""
}

// refuses says why options cannot be turned on where now is so: "" when they can.
func (now *tracking) refuses(o *tracking) string {
	switch {
	case !o.bcast && len(o.prefixes) > 0:
		return "ERR PREFIX option requires BCAST mode to be enabled"
	case now.on && now.bcast != o.bcast:
		return errSwitchBcast
	case o.bcast && (o.optIn || o.optOut):
		return "ERR OPTIN and OPTOUT are not compatible with BCAST"
	case o.optIn && o.optOut:
		return "ERR You can't specify both OPTIN mode and OPTOUT mode"
	case o.optIn && now.optOut || o.optOut && now.optIn:
		return errSwitchOpt
	}
	const must = "'. Prefixes for a single client must not overlap."
	overlap := func(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }
	for i, p := range o.prefixes {
		for _, other := range now.prefixes {
			if overlap(p, other) {
				return "ERR Prefix '" + p + "' overlaps with an existing prefix '" + other + must
			}
		}
		for _, other := range o.prefixes[i+1:] {
			if overlap(p, other) {
				return "ERR Prefix '" + p + "' overlaps with another provided prefix '" + other + must
			}
		}
	}
	return ""
}

// clientCaching is CLIENT CACHING YES|NO: about the next command.
func clientCaching(_ *Engine, s *Session, c *command.Call) {
	switch t := &s.tracking; {
	case !t.on:
		c.Out.Error(errNotTracking)
	case c.Is(2, "YES") && !t.optIn:
		c.Out.Error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
	case c.Is(2, "NO") && !t.optOut:
		c.Out.Error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
	case !c.Is(2, "YES") && !c.Is(2, "NO"):
		c.Out.Error(command.TextSyntax)
	default:
		t.caching = true
		c.Out.OK()
	}
}

// redirection is the connection that is told instead: 0 for none, -1 without tracking.
func (now *tracking) redirection() int64 {
	if !now.on {
		return -1
	}
	return int64(now.redirect)
}

func clientGetredir(_ *Engine, s *Session, c *command.Call) { c.Out.Int(s.tracking.redirection()) }

func clientTrackinginfo(_ *Engine, s *Session, c *command.Call) {
	t := &s.tracking
	flags := []string{"off"}
	if t.on {
		flags[0] = "on"
	}
	for _, f := range []struct {
		on   bool
		name string
	}{
		{t.bcast, "bcast"}, {t.optIn, "optin"}, {t.optIn && t.caching, "caching-yes"}, {t.optOut, "optout"},
		{t.optOut && t.caching, "caching-no"}, {t.noLoop, "noloop"}, {t.broken, "broken_redirect"},
	} {
		if f.on {
			flags = append(flags, f.name)
		}
	}
	c.Out.Map(3)
	c.Out.BulkString("flags")
	c.Out.Set(len(flags))
	for _, f := range flags {
		c.Out.BulkString(f)
	}
	c.Out.BulkString("redirect")
	c.Out.Int(t.redirection())
	c.Out.BulkString("prefixes")
	c.Out.Array(len(t.prefixes))
	for _, p := range t.prefixes {
		c.Out.BulkString(p)
	}
}
