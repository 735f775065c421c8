// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// name of the operator's package in a catalog.
const name = "goservice-operator"

const managedBy = "app.kubernetes.io/managed-by"

// channel in which versions follow each other.
const channel = "candidate"

// release is what a bundle is made of beside the objects of an installation.
type release struct {
	version, source string
	created         time.Time
	samples         []object
}

// parts of an installation, by what a bundle makes of them.
type parts struct {
	crd, deployment                 object
	roles, clusterRoles             map[string]object
	bindings, clusterRoleBindings   []object
	beside                          []object
	serviceAccount                  string
	permissions, clusterPermissions []any
}

// bundle returns the files of a bundle by their paths in it.
func (r *release) bundle(objects []object) (map[string][]byte, error) {
	p := parts{roles: map[string]object{}, clusterRoles: map[string]object{}}
	for _, o := range objects {
		if err := p.place(o); err != nil {
			return nil, err
		}
	}
	if err := p.grant(); err != nil {
		return nil, err
	}
	csv, err := r.serviceVersion(&p)
	if err != nil {
		return nil, err
	}
	files := map[string]any{
		"manifests/" + name + ".clusterserviceversion.yaml": csv,
		"manifests/" + nameOf(p.crd) + ".crd.yaml":          p.crd,
		"metadata/annotations.yaml":                         object{"annotations": annotations()},
	}
	for _, o := range p.beside {
		files[fmt.Sprintf("manifests/%s.%s.yaml", nameOf(o), strings.ToLower(kindOf(o)))] = o
	}
	texts := map[string][]byte{"Dockerfile": []byte(dockerfile())}
	for path, content := range files {
		if texts[path], err = yaml.Marshal(content); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// place an object of an installation.
func (p *parts) place(o object) error {
	delete(dig(o, "metadata"), "namespace") // of the Subscription
	if labels := dig(o, "metadata", "labels"); labels[managedBy] != nil {
		labels[managedBy] = "olm"
	}
	switch kind := kindOf(o); kind {
	case "Namespace":
	case "CustomResourceDefinition":
		p.crd = o
	case "Deployment":
		p.deployment = o
	case "ServiceAccount": // made of the ClusterServiceVersion
		p.serviceAccount = nameOf(o)
	case "Role":
		p.roles[nameOf(o)] = o
	case "ClusterRole":
		p.clusterRoles[nameOf(o)] = o
	case "RoleBinding":
		p.bindings = append(p.bindings, o)
	case "ClusterRoleBinding":
		p.clusterRoleBindings = append(p.clusterRoleBindings, o)
	case "Service", "PodDisruptionBudget", "PriorityClass":
		p.beside = append(p.beside, o)
	default:
		return fmt.Errorf("%s %s has no place in a bundle", kind, nameOf(o))
	}
	return nil
}

// grant the operator what is bound to its ServiceAccount. ClusterRoles that are bound to nobody are for people.
func (p *parts) grant() error {
	if p.crd == nil || p.deployment == nil || p.serviceAccount == "" {
		return fmt.Errorf("an installation has a CustomResourceDefinition, a Deployment, and a ServiceAccount; this one lacks one")
	}
	var err error
	if p.permissions, err = granted(p.bindings, "Role", p.roles); err != nil {
		return err
	}
	for unbound := range p.roles {
		return fmt.Errorf("nobody is bound to Role %s", unbound)
	}
	if p.clusterPermissions, err = granted(p.clusterRoleBindings, "ClusterRole", p.clusterRoles); err != nil {
		return err
	}
	for _, role := range p.clusterRoles {
		p.beside = append(p.beside, role)
	}
	return nil
}

// granted are the rules of the roles that are bound, which are taken from those of their kind.
func granted(bindings []object, kind string, roles map[string]object) ([]any, error) {
	var rules []any
	for _, b := range bindings {
		role := roles[roleOf(b)]
		if role == nil {
			return nil, fmt.Errorf("%s %s: there is no %s %s", kindOf(b), nameOf(b), kind, roleOf(b))
		}
		rules = append(rules, role["rules"].([]any)...)
		delete(roles, roleOf(b))
	}
	return rules, nil
}

func kindOf(o object) string {
	kind, _ := o["kind"].(string)
	return kind
}

func nameOf(o object) string {
	name, _ := dig(o, "metadata")["name"].(string)
	return name
}

func roleOf(binding object) string {
	name, _ := dig(binding, "roleRef")["name"].(string)
	return name
}

// annotations say where a bundle's files are, and in which channel it is.
func annotations() map[string]string {
	return map[string]string{
		"operators.operatorframework.io.bundle.mediatype.v1":       "registry+v1",
		"operators.operatorframework.io.bundle.manifests.v1":       "manifests/",
		"operators.operatorframework.io.bundle.metadata.v1":        "metadata/",
		"operators.operatorframework.io.bundle.package.v1":         name,
		"operators.operatorframework.io.bundle.channels.v1":        channel,
		"operators.operatorframework.io.bundle.channel.default.v1": channel,
	}
}

// dockerfile of the bundle's image, which has nothing but its files.
func dockerfile() string {
	text := "FROM scratch\n"
	for _, key := range sortedKeys(annotations()) {
		text += fmt.Sprintf("LABEL %s=%s\n", key, annotations()[key])
	}
	return text + "COPY manifests /manifests/\nCOPY metadata /metadata/\n"
}
