// Replaced by the room's ops.
