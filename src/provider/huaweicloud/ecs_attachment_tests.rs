//! Tests of what is this resource's own: the device hint and the flags.

use super::*;

fn hinted(hint: Value<String>) -> EcsAttachmentModel {
    EcsAttachmentModel { device_hint: hint, ..EcsAttachmentModel::default() }
}

fn name(name: &str) -> Value<String> {
    Value::Value(name.to_owned())
}

#[test]
fn another_hint_is_another_attachment_and_a_first_or_dropped_one_is_not() {
    for (new, old, replaced) in [
        (name("/dev/vdb"), name("/dev/vdb"), false),
        (name("/dev/vdc"), name("/dev/vdb"), true),
        (Value::Unknown, name("/dev/vdb"), true),
        (name("/dev/vdb"), Value::Null, false),
        (Value::Null, name("/dev/vdb"), false),
    ] {
        let names = hinted(new.clone()).replaced_by(&hinted(old.clone()));
        assert_eq!(!names.is_empty(), replaced, "{old:?} to {new:?}");
    }
}

#[test]
fn a_hint_that_is_no_name_of_a_data_disk_is_refused() {
    for (hint, accepted) in [
        ("/dev/vdb", true),
        ("/dev/sdaa", true),
        ("/dev/vda", false),
        ("/dev/sda", false),
        ("vdb", false),
        ("/dev/", false),
        ("/dev/VDB", false),
        ("/dev/vdb/1", false),
        ("", false),
    ] {
        let mut diags = Diagnostics::default();
        hinted(name(hint)).validate(&mut diags);
        assert_eq!(diags.errors.is_empty(), accepted, "{hint:?}");
        assert!(diags.errors.iter().all(|error| error.attribute == AttributePath::new("device_hint")));
    }
    let mut diags = Diagnostics::default();
    hinted(Value::Unknown).validate(&mut diags);
    assert_eq!(diags, Diagnostics::default());
}

#[test]
fn what_the_cloud_says_is_taken_over_and_a_flag_that_it_does_not_tell_stays() {
    let mut model = EcsAttachmentModel { delete_on_termination: Value::Value(true), ..EcsAttachmentModel::default() };
    model.absorb(&Facts { bus: Some("scsi".into()), ..Facts::default() });
    assert_eq!((&model.delete_on_termination, &model.bus), (&Value::Value(true), &name("scsi")));
    assert!(model.pci_address.is_null());
    model.absorb(&Facts { delete_on_termination: Some(false), ..Facts::default() });
    assert_eq!(model.delete_on_termination, Value::Value(false));
}
