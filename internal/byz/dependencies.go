package byz

var dependencyAttacks []Attack
