package engine

import (
	"fmt"
	"strings"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state/event"
)

// entry describes one entry of the log: its head, then its events with their
// keys, in the order in which they stand.
func (h *harness) entry(offset uint64) string {
	h.t.Helper()
	var text string
	err := eachEntry(h.log, func(en log.Entry) error {
		if en.Offset != offset {
			return nil
		}
		var err error
		text, err = describe(en.Body)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

func describe(body []byte) (string, error) {
	head, events, err := event.DecodeHeader(body)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "db %d conn %d %s", head.DB, head.Conn, head.Name)
	for _, a := range head.Argv {
		fmt.Fprintf(&b, "%s ", a)
	}
	parts := []string{strings.TrimSpace(b.String())}
	var ev event.Event
	for len(events) > 0 {
		if events, err = ev.Decode(events); err != nil {
			return "", err
		}
		switch ev.Kind {
		case event.Database:
			parts = append(parts, fmt.Sprintf("%v %d", ev.Kind, ev.DB))
		case event.Cause:
			parts = append(parts, fmt.Sprintf("%v %s", ev.Kind, join(ev.Items)))
		case event.Delete:
			parts = append(parts, fmt.Sprintf("%v %s %v", ev.Kind, ev.Key, ev.Reason))
		default:
			parts = append(parts, fmt.Sprintf("%v %s", ev.Kind, ev.Key))
		}
	}
	return strings.Join(parts, " | "), nil
}

func join(items [][]byte) string {
	words := make([]string, len(items))
	for i, it := range items {
		words[i] = string(it)
	}
	return strings.Join(words, " ")
}

// originOf gives what an entry tells of its connection, "" if nothing.
func originOf(t interface{ Fatal(...any) }, body []byte) string {
	head, _, err := event.DecodeHeader(body)
	if err != nil {
		t.Fatal(err)
	}
	if head.Origin == nil {
		return ""
	}
	return head.Origin.Addr + " " + head.Origin.User + " " + head.Origin.Name
}
