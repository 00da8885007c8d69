package main

import "strconv"

// Descriptors that are not clients': listeners, the log and who reads it again, the
// manifest, a checkpoint's process. Those that come beyond maxclients are told so, which
// takes a descriptor for a moment too.
const (
	ownFiles  = 32
	toldFiles = 32
)

// mostConns is how many connections there may be at once, with those that are only told
// that there are too many; 0 where there is no limit.
func mostConns(files int) int {
	if files == 0 {
		return 0
	}
	return max(1, files-ownFiles)
}

// mostClients is how many clients a process with so many descriptors can have.
func mostClients(files, wanted int) int {
	if files == 0 {
		return wanted
	}
	return max(1, min(wanted, files-ownFiles-toldFiles))
}

// fitClients lowers maxclients to what the limit of open files allows, and says so: when
// clients have all descriptors, the log cannot begin a new segment.
func (d *daemon) fitClients(files int) error {
	wanted := d.set.engine.MaxClients()
	n := mostClients(files, wanted)
	if n == wanted {
		return nil
	}
	d.logger.Warn().Int("wanted", wanted).Int("maxclients", n).Int("files", files).
		Msg("maxclients is lowered to what the limit of open files allows (ulimit -n)")
	return d.set.engine.Set("maxclients", strconv.Itoa(n))
}
