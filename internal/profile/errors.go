package profile

import "errors"

// Names and folders.
var (
	// ErrName: a name is not 1 to 32 of A-Z a-z 0-9 - _.
	ErrName = errors.New("not a name")
	// ErrNameCase: a person exists whose name differs only in case. Some file systems cannot tell the two.
	ErrNameCase = errors.New("names must differ by more than case")
	// ErrFolder: an XDG variable or HOME does not lead to a usable folder.
	ErrFolder = errors.New("no folder to work in")
)

// Config.
var (
	// ErrConfig: the config file is not as it should be. The text names file, line and field.
	ErrConfig = errors.New("config")
)

// Keys.
var (
	// ErrUnknown: there is no key of this name on this machine.
	ErrUnknown = errors.New("no such person on this machine")
	// ErrExists is returned by Init: there is a key already. Not a byte of it was changed.
	ErrExists = errors.New("has a key already")
	// ErrCorruptKey: the key file is not as Init wrote it.
	ErrCorruptKey = errors.New("key file is damaged")
	// ErrKeyPermissions: others could read or replace the key. The text says which command ends that.
	ErrKeyPermissions = errors.New("others can get at the key")
	// ErrRunning: this person runs in another process.
	ErrRunning = errors.New("is running already")
)
