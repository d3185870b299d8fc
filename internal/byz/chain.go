package byz

var chainAttacks []Attack
