//! Taking over what is attached already.

use crate::support::{stage::Stage, subject::Subject};

pub(crate) async fn an_import_gives_an_empty_plan(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    for id in [subject.id(0, 0), format!("{}/{}", stage.region(), subject.id(0, 0))] {
        stage.configure(&stage.attachment(""));
        stage.terraform.apply().await.succeeds();
        stage.terraform.forget(&subject.address()).await;

        stage.terraform.import(&subject.address(), &id).await.succeeds();
        assert_eq!(stage.terraform.state().only().expect("an attachment").attributes["id"], subject.id(0, 0));
        stage.terraform.plan().await.changes_nothing();
    }
    assert_eq!(stage.cloud.count(subject.calls.attach), 1, "the second apply adopted it");
}

pub(crate) async fn an_import_of_a_pair_that_is_not_attached_is_an_error(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    let import = stage.terraform.import(&subject.address(), &subject.id(0, 0)).await;
    import.fails().says(&[subject.servers[0], subject.volumes[0], "not attached"]);
    assert_eq!(stage.terraform.state().len(), 0);
}
